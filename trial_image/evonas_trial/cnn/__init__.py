"""Convolutional networks in MnasNet's factorised space, from decisions.

``settings`` defines the decisions and ``feasibility`` what cannot be built, both without torch; ``model`` and
``layers`` are the network. Everything else, from the command line to the report, is in ``evonas_trial.training``.
"""
