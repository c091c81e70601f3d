"""Convolutional networks in MnasNet's factorised space, from decisions.

``settings`` says what may be decided and ``feasibility`` what cannot be built, both without torch; ``model`` and
``layers`` are the network. All else, from the command line to the report, is ``evonas_trial.training``.
"""
