"""What a candidate of the spiking network consists of: the hyperparameters of the paper's search, each checked.

Without torch, so that a wrong manifest is answered at once. The fields of Settings are the single list of known
decisions, options and their defaults; the names and ranges are those of table 1 in Comsa et al. (version 1), where
``n_hidden`` stands for two numbers and the decay constant is printed as "batch_constant".
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

BOOLEAN = ("and", "or", "xor")
IMAGES = ("digits", "mnist", "fashion-mnist")
PROBLEMS = (*BOOLEAN, *IMAGES)


@dataclass(frozen=True)
class Kind:
    """Which values a setting takes."""

    low: float
    whole: bool = True
    above: bool = False
    """Whether the lowest value itself is excluded."""

    def takes(self, value: Any) -> bool:
        """Tell whether this is such a value."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return math.isfinite(value) and (value > self.low if self.above else value >= self.low)

    def __str__(self) -> str:
        number = "a whole number" if self.whole else "a number"
        if self.low == -math.inf:
            return number
        return f"{number} {'above' if self.above else 'not below'} {self.low:g}"


@dataclass(frozen=True)
class Truth:
    """A setting that is on or off."""

    def takes(self, value: Any) -> bool:
        """Tell whether this is such a value."""
        return isinstance(value, bool)

    def __str__(self) -> str:
        return "true or false"


_COUNT, _SIZE = Kind(0), Kind(1)
_POSITIVE, _NOT_NEGATIVE = Kind(0, whole=False, above=True), Kind(0, whole=False)
_ANY = Kind(-math.inf, whole=False)


def _setting(boolean: Any, images: Any, kind: Kind | Truth, meaning: str) -> Any:
    """A field with its defaults: the paper's for Boolean problems, and what its search chose for MNIST."""
    return field(metadata={"boolean": boolean, "images": images, "kind": kind, "meaning": meaning})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One candidate, complete; made by ``Settings.read``."""

    batch_size: int = _setting(1, 5, _SIZE, "examples per step")
    clip_derivative: float = _setting(100.0, 539.7, _POSITIVE, "bound on each derivative of a spike time")
    decay_constant: float = _setting(1.0, 0.181769, _POSITIVE, "how fast a synapse's effect decays, per unit of time")
    fire_threshold: float = _setting(1.0, 1.16732, _POSITIVE, "potential at which a neuron spikes")
    learning_rate: float = _setting(1e-3, 2.01864e-4, _POSITIVE, "step size of the weights")
    learning_rate_pulses: float = _setting(1e-3, 5.95375e-2, _POSITIVE, "step size of the pulses' times")
    hidden_layers: int = _setting(1, 1, _COUNT, "layers between input and output")
    hidden_size: int = _setting(2, 340, _SIZE, "neurons in each hidden layer")
    n_pulses: int = _setting(1, 10, _COUNT, "synchronisation pulses beside each layer but the last")
    nonpulse_weight_mean_multiplier: float = _setting(
        0.0, -0.275419, _ANY, "mean of the other weights at the start, in standard deviations"
    )
    penalty_no_spike: float = _setting(1.0, 48.3748, _NOT_NEGATIVE, "push on the weights of a silent neuron")
    pulse_weight_mean_multiplier: float = _setting(
        0.0, 7.83912, _ANY, "mean of the pulses' weights at the start, in standard deviations"
    )
    update_all: bool = _setting(False, True, Truth(), "learn from every example, not only from wrongly classified ones")
    epochs: int = _setting(100, 100, _SIZE, "passes over the training examples, at most")

    @classmethod
    def read(cls, problem: str, decisions: Mapping[str, Any], options: Mapping[str, Any]) -> Settings:
        """Join the searched decisions and the fixed options, the problem's defaults for the rest.

        Raises ValueError for an unknown name, for one both searched and fixed, and for a value that does not fit.
        """
        known = {item.name: item for item in described()}
        for name in decisions:
            if name not in known:
                raise ValueError(f"unknown decision {name!r}; known are {', '.join(known)}")
            if name in options:
                raise ValueError(f"{name!r} is a decision of the search: leave out the option {option_of(name)}")
        given = {**options, **decisions}
        for name, value in given.items():
            if not known[name].metadata["kind"].takes(value):
                raise ValueError(f"{name!r} must be {known[name].metadata['kind']}, got {json.dumps(value)}")
        if "hidden_size" in given and given.get("hidden_layers") == 0:
            raise ValueError(
                "'hidden_size' means nothing without hidden layers; in the search space "
                "give it `when: {name: hidden_layers, values: […]}` with the values from 1 on"
            )
        return cls(**{name: item.metadata[_group(problem)] for name, item in known.items()} | given)


def described() -> Iterator[Field[Any]]:
    """Yield each setting's name, and as metadata its ``meaning``, ``kind`` and the defaults ``boolean``, ``images``."""
    yield from fields(Settings)


def option_of(name: str) -> str:
    """Return the command line's option for a setting."""
    return "--" + name.replace("_", "-")


def parse_option(text: str) -> Any:
    """Return an option's value as a manifest's decision would have it: a number or boolean where it reads as one."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _group(problem: str) -> str:
    return "boolean" if problem in BOOLEAN else "images"
