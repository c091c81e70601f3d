"""The images that the shipped programs train on: what is known of each set, where its files are, how they are read.

``catalogue`` and ``places`` need neither torch nor numpy, so that a candidate is refused, or a missing set reported,
before either is imported. ``reading`` puts the parts together: training and validation by ``development``, the test
part by ``test`` and by nothing else. Nothing here downloads anything.
"""
