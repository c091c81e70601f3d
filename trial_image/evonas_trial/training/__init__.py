"""Trains one candidate with any network: what ``cnn`` and ``mlp`` have in common. ``command`` is the program around a
network: options, refusals, reports. ``recipe`` has the training's decisions and ``schedule`` the learning rates, both
pure. Below them ``loop`` trains on ``batches``; ``optimizers``, ``checkpoint``, ``pretrained`` and ``measures`` do what
their names say; ``export`` writes the winner.
"""
