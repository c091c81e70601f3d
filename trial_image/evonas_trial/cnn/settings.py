"""What a candidate of the CNN consists of: architecture and hyperparameters side by side, each checked.

Above this stands ``__main__``; without torch, so that a wrong manifest is answered at once. The fields of Settings are
the single list of known decisions, options and their defaults.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

ACTIVATIONS = ("relu", "swish", "gelu", "tanh", "sigmoid")
OPTIMIZERS = ("SGD", "Adam", "AdaGrad", "RMSprop")

Check = Callable[[Any], bool]


def _whole(low: int) -> dict[str, Any]:
    return {
        "check": lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= low,
        "wanted": f"a whole number not below {low}",
    }


def _odd() -> dict[str, Any]:
    # Only an odd kernel can be padded alike on both sides.
    return {
        "check": lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 1 and value % 2 == 1,
        "wanted": "an odd whole number",
    }


def _number(wanted: str, check: Check) -> dict[str, Any]:
    return {
        "check": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and check(value),
        "wanted": wanted,
    }


def _one_of(names: tuple[str, ...]) -> dict[str, Any]:
    return {"check": names.__contains__, "wanted": f"one of {', '.join(names)}"}


def _boolean() -> dict[str, Any]:
    return {"check": lambda value: isinstance(value, bool), "wanted": "true or false"}


def _setting(default: Any, meaning: str, rule: Mapping[str, Any]) -> Any:
    return field(default=default, metadata={"meaning": meaning, **rule})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One candidate, complete; made by ``Settings.read``."""

    blocks: int = _setting(2, "convolution, activation and 2x2 pooling, this many times", _whole(1))
    width: int = _setting(16, "channels of the first block; each block has twice those before it", _whole(1))
    kernel: int = _setting(3, "side of the convolutions' kernels", _odd())
    kernel_2: int | None = _setting(None, "side of the second block's kernel instead", _odd())
    kernel_3: int | None = _setting(None, "side of the third block's kernel instead", _odd())
    hidden: int = _setting(64, "units of the dense layer before the classifier; 0 for none", _whole(0))
    activation: str = _setting("relu", "after each convolution and the dense layer", _one_of(ACTIVATIONS))
    batch_norm: bool = _setting(True, "batch normalisation after each convolution", _boolean())
    dropout: float = _setting(
        0.0, "share of inputs that the classifier loses in training", _number("from 0 to below 1", lambda v: 0 <= v < 1)
    )
    optimizer: str = _setting("Adam", "the optimizer; SGD has a momentum of 0.9", _one_of(OPTIMIZERS))
    learning_rate: float = _setting(0.003, "step size", _number("a number above 0", lambda v: 0 < v < float("inf")))
    weight_decay: float = _setting(0.0, "L2 penalty", _number("a number not below 0", lambda v: 0 <= v < float("inf")))
    batch_size: int = _setting(32, "images per step", _whole(1))
    epochs: int = _setting(8, "passes over the training images", _whole(1))

    @classmethod
    def read(cls, decisions: Mapping[str, Any], options: Mapping[str, Any]) -> Settings:
        """Join the searched decisions and the fixed options, defaults for the rest.

        Raises ValueError for an unknown name, for one both searched and fixed, and for a value that does not fit.
        """
        known = {item.name: item for item in described()}
        for name in decisions:
            if name not in known:
                raise ValueError(f"unknown decision {name!r}; known are {', '.join(known)}")
            if name in options:
                raise ValueError(f"{name!r} is a decision of the search: leave out the option {option_of(name)}")
        values = {**options, **decisions}
        for name, value in values.items():
            if not known[name].metadata["check"](value):
                raise ValueError(f"{name!r} must be {known[name].metadata['wanted']}, got {json.dumps(value)}")
        settings = cls(**values)
        for block in (2, 3):
            if getattr(settings, f"kernel_{block}") is not None and settings.blocks < block:
                raise ValueError(
                    f"'kernel_{block}' means nothing with {settings.blocks} blocks; in the search space "
                    f"give it `when: {{name: blocks, values: […]}}` with the values from {block} on"
                )
        return settings

    @property
    def kernels(self) -> tuple[int, ...]:
        """Side of each block's kernel."""
        own = {2: self.kernel_2, 3: self.kernel_3}
        return tuple(own.get(block) or self.kernel for block in range(1, self.blocks + 1))


def described() -> Iterator[Field[Any]]:
    """Yield each setting's name, default, ``meaning`` and ``wanted``."""
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
