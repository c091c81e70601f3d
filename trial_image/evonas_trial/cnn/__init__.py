"""A small configurable convolutional network on handwritten digits: ``python -m evonas_trial.cnn``.

Any of its settings may be a decision of the search, the others are options of the command line. It trains on the CPU,
by default with one thread so that parallel trials do not disturb each other; seed and decisions fix the result.

``settings`` reads and checks a candidate, ``feasibility`` refuses what cannot be built, both without torch so that
such a trial ends at once; ``model`` and ``training`` do the work, ``__main__`` joins them to the trial contract.
"""
