"""A candidate's settings for the spiking network: the validated hyperparameters of the paper's search. Without torch,
so that an invalid manifest is refused at once. The names and ranges are those of table 1 in Comsa et al. (version 1),
where ``n_hidden`` stands for two numbers and the decay constant is printed as "batch_constant".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from evonas_trial.decisions import Decision, boolean, join, number, whole

BOOLEAN = ("and", "or", "xor")
IMAGES = ("digits", "mnist", "fashion-mnist")
PROBLEMS = (*BOOLEAN, *IMAGES)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One complete candidate; created by ``Settings.read``."""

    batch_size: int
    clip_derivative: float
    decay_constant: float
    fire_threshold: float
    learning_rate: float
    learning_rate_pulses: float
    hidden_layers: int
    hidden_size: int
    n_pulses: int
    nonpulse_weight_mean_multiplier: float
    penalty_no_spike: float
    pulse_weight_mean_multiplier: float
    update_all: bool
    epochs: int

    @classmethod
    def read(cls, problem: str, decisions: Mapping[str, Any], options: Mapping[str, Any]) -> Settings:
        """Combine searched decisions, fixed options and the problem's defaults.

        Raises ValueError for an unknown name, for one both searched and fixed, and for a value that does not fit.
        """
        known = BOOLEAN_DECISIONS if problem in BOOLEAN else IMAGE_DECISIONS
        values = join({item.name: item for item in known}, decisions, options)
        if "hidden_size" in {**options, **decisions} and values["hidden_layers"] == 0:
            raise ValueError(
                "'hidden_size' means nothing without hidden layers; in the search space "
                "give it `when: {name: hidden_layers, values: […]}` with the values from 1 on"
            )
        return cls(**values)


def _above_zero(name: str, default: float, meaning: str) -> Decision:
    return number(name, default, meaning, "a number above 0", lambda value: value > 0)


def _any(name: str, default: float, meaning: str) -> Decision:
    return number(name, default, meaning, "a number", lambda value: value > -inf)


BOOLEAN_DECISIONS = (
    whole("batch_size", 1, "examples per step"),
    _above_zero("clip_derivative", 100.0, "bound on each derivative of a spike time"),
    _above_zero("decay_constant", 1.0, "how fast a synapse's effect decays, per unit of time"),
    _above_zero("fire_threshold", 1.0, "potential at which a neuron spikes"),
    _above_zero("learning_rate", 1e-3, "step size of the weights"),
    _above_zero("learning_rate_pulses", 1e-3, "step size of the pulses' times"),
    whole("hidden_layers", 1, "layers between input and output", 0),
    whole("hidden_size", 2, "neurons in each hidden layer"),
    whole("n_pulses", 1, "synchronisation pulses beside each layer but the last", 0),
    _any("nonpulse_weight_mean_multiplier", 0.0, "mean of the other weights at the start, in standard deviations"),
    number(
        "penalty_no_spike",
        1.0,
        "push on the weights of a silent neuron",
        "a number not below 0",
        lambda value: value >= 0,
    ),
    _any("pulse_weight_mean_multiplier", 0.0, "mean of the pulses' weights at the start, in standard deviations"),
    boolean("update_all", False, "learn from every example, not only from wrongly classified ones"),
    whole("epochs", 100, "passes over the training examples, at most"),
)
"""With the paper's defaults for Boolean problems."""

_CHOSEN_FOR_MNIST = {
    "batch_size": 5,
    "clip_derivative": 539.7,
    "decay_constant": 0.181769,
    "fire_threshold": 1.16732,
    "learning_rate": 2.01864e-4,
    "learning_rate_pulses": 5.95375e-2,
    "hidden_size": 340,
    "n_pulses": 10,
    "nonpulse_weight_mean_multiplier": -0.275419,
    "penalty_no_spike": 48.3748,
    "pulse_weight_mean_multiplier": 7.83912,
    "update_all": True,
}
"""What the paper's search chose."""

IMAGE_DECISIONS = tuple(
    replace(item, default=_CHOSEN_FOR_MNIST.get(item.name, item.default)) for item in BOOLEAN_DECISIONS
)
