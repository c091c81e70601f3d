"""How a GPU is used for a training, as a pure rule over its work: what pays for MnasNet at 224 pixels costs a network
on small images more time at the start than its whole training takes. Used by ``trial``; imports no torch.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

LARGE_STEP = 4e9
"""Multiply-adds of a batch's inference from which its kernels, not their launches, take the time. Batches of 128 images
in MnasNet's A1 have 40e9, of 512 images of Fashion-MNIST in a small network 0.5e9."""

MULTIPLY_ADDS_PER_SECOND = 5e12
"""What A1 reached on an H200, forward and backward."""

SEARCH_PAYS_AFTER = 60.0
"""Seconds of training. cuDNN's comparison of its algorithms takes up to ten."""

AUTO = "auto"
"""What an option says that leaves a choice to the rule."""

_ON_OFF = {True: "on", False: "off"}
_WISHED = {AUTO: None, "on": True, "off": False}

RECORDING_PAYS_AFTER = 100
"""Calls of a step. Recording takes less than 0.1 s, a replayed step saves two to five thousandths."""


class GpuMissing(Exception):
    """A GPU was asked for where there is none."""


@dataclass(frozen=True)
class Work:
    """What a training asks of a GPU."""

    multiply_adds: float
    """Of one image's inference."""
    batch_size: int
    steps: int
    """Of the whole training, whatever an attempt does of it: all attempts of a trial choose alike."""

    @property
    def seconds(self) -> float:
        """A guess at the training's time. A backward pass costs twice the forward one."""
        return 3 * self.multiply_adds * self.batch_size * self.steps / MULTIPLY_ADDS_PER_SECOND


@dataclass(frozen=True)
class Settings:
    """How torch uses a GPU; a CPU knows none of this."""

    channels_last: bool = True
    """The layout of images that matrix units want."""
    bfloat16: bool = True
    """Multiplies in bfloat16, which needs no loss scaling; weights stay float32."""
    algorithm_search: bool = False
    """cuDNN compares its algorithms for each new shape."""
    graph: bool = True
    """Steps are recorded as CUDA graphs (see ``replay``)."""

    def wished(self, wishes: Wishes) -> Settings:
        """Return these, but for what a user set."""
        return replace(self, **{name: wish for name, wish in vars(wishes).items() if wish is not None})

    def __str__(self) -> str:
        """Say them in the words of the options."""
        return ", ".join(
            (
                "channels-last" if self.channels_last else "channels-first",
                "bfloat16" if self.bfloat16 else "float32",
                f"algorithm search {_ON_OFF[self.algorithm_search]}",
                f"CUDA graphs {_ON_OFF[self.graph]}",
            )
        )


@dataclass(frozen=True)
class Wishes:
    """What a user set; None leaves it to the rule."""

    channels_last: bool | None = None
    bfloat16: bool | None = None
    algorithm_search: bool | None = None
    graph: bool | None = None

    @classmethod
    def of(cls, options: argparse.Namespace) -> Wishes:
        """Read them from a program's options."""
        return cls(
            {"channels-last": True, "channels-first": False}.get(options.layout),
            {"bfloat16": True, "float32": False}.get(options.precision),
            _WISHED[options.algorithm_search],
            _WISHED[options.graph],
        )


def choose(work: Work) -> Settings:
    """Return what the work calls for.

    The rule is read off two measurements on an H200: at 28 pixels in batches of 256, plain float32 starts in a tenth of
    the time and trains faster than bfloat16 in channels-last; A1 at 224 pixels trains twice as fast with both.
    """
    large = work.multiply_adds * work.batch_size >= LARGE_STEP
    return Settings(
        channels_last=large,
        bfloat16=large,
        algorithm_search=large and work.seconds >= SEARCH_PAYS_AFTER,
        graph=graph_pays(work.steps),
    )


def graph_pays(steps: int, option: str = AUTO) -> bool:
    """Return whether a training of so many steps is to be recorded, as ``--graph`` says or by itself."""
    wish = _WISHED[option]
    return steps >= RECORDING_PAYS_AFTER if wish is None else wish
