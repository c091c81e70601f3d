"""The optimizers of the recipes."""

from __future__ import annotations

from torch import nn, optim

from evonas_trial.training.recipe import Recipe


def make(model: nn.Module, recipe: Recipe) -> optim.Optimizer:
    """Return the recipe's optimizer; weight decay is on kernels and matrices, not on biases and normalizations."""
    decayed = [weights for weights in model.parameters() if weights.ndim > 1]
    others = [weights for weights in model.parameters() if weights.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    rate = recipe.learning_rate
    match recipe.optimizer:
        case "SGD":
            return optim.SGD(groups, rate, momentum=recipe.momentum)
        case "Adam":
            return optim.Adam(groups, rate)
        case "AdamW":
            return optim.AdamW(groups, rate)
        case "AdaGrad":
            return optim.Adagrad(groups, rate)
        case "RMSprop":
            # The epsilon of MobileNet's and MnasNet's trainings; torch's own, 1e-8, diverges at their rates.
            return optim.RMSprop(groups, rate, alpha=0.9, eps=1e-3, momentum=recipe.momentum)
    raise AssertionError(f"the recipe let {recipe.optimizer!r} through")
