"""The images that the shipped programs train on: what is known about each set, where its files are, how they are read.

``catalogue`` and ``places`` need neither torch nor numpy, so that a candidate is refused, or a missing set reported,
before either is imported. ``reading`` returns the parts: training and validation by ``development``, the test part only
by ``test``. Nothing here downloads anything.
"""
