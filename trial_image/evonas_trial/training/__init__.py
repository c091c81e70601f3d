"""Training one candidate, whatever its network: what ``cnn`` and ``mlp`` have in common.

``command`` is the program around a network: options, refusals, reports. ``recipe`` has the training's decisions and
``schedule`` the learning rates, both pure. Below them ``loop`` trains on ``batches``, with the ``optimizers``,
``checkpoint``, ``pretrained`` weights and ``measures`` that their names say; ``export`` writes the winner.
"""
