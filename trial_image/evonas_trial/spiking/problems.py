"""The problems as spikes: the paper's Boolean tasks and images, brighter pixels spiking earlier.

Parts are the same for every trial and seed, so that rewards are comparable.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from evonas_trial.data.catalogue import known
from evonas_trial.data.images import Images, Part
from evonas_trial.data.reading import locate
from evonas_trial.spiking.settings import BOOLEAN

DATA_SEED = 0
BOOLEAN_SIZES = (1000, 150, 150)
_BRIGHTEST = {"digits": 16, "mnist": 256, "fashion-mnist": 256}
"""What a pixel is divided by. 256, as the paper's code does it: the brightest pixel spikes shortly after 0."""
HIGHEST_FALSE, LOWEST_TRUE = 0.45, 0.55

_TABLES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "and": torch.logical_and,
    "or": torch.logical_or,
    "xor": torch.logical_xor,
}


@dataclass(frozen=True)
class Spikes:
    """A part of a problem's examples."""

    times: Tensor
    """float32, (n, inputs), from 0 to 1; infinity for an input that does not spike."""
    labels: Tensor
    """int64, (n,)."""

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def most(self) -> int:
        """The most inputs that spike in one example; found on the device when first asked for."""
        return int(self.times.isfinite().sum(1).amax())

    def first(self, count: int) -> Spikes:
        """Return this many examples, or all if there are fewer."""
        return Spikes(self.times[:count], self.labels[:count])

    def on(self, device: torch.device) -> Spikes:
        """Return them on a device."""
        return Spikes(self.times.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Problem:
    """The parts, on the CPU, each in random order."""

    training: Spikes
    validation: Spikes
    read_test: Callable[[], Spikes]
    """Reads the test part, which is only for the final score of a winner."""
    classes: int

    @property
    def inputs(self) -> int:
        """Input neurons."""
        return self.training.times.shape[1]


def load(problem: str, folder: Path | None = None) -> Problem:
    """Return one of settings.PROBLEMS; the folder is where images are looked for instead of the usual places.

    Raises DataMissing if the files are not found, or not as expected.
    """
    if problem in BOOLEAN:
        return _boolean(problem)
    located = locate(known(problem), None if folder is None else str(folder))
    training, validation = located.development(split_seed=DATA_SEED)
    brightest = _BRIGHTEST[problem]
    return Problem(
        _spikes(training, brightest),
        _spikes(validation, brightest),
        lambda: _spikes(located.test(), brightest),
        located.data_set.shape.classes,
    )


def _boolean(problem: str) -> Problem:
    """Two inputs, false from 0 to 0.45 and true from 0.55 to 1; both answers are as frequent."""
    random = torch.Generator().manual_seed(DATA_SEED)
    table = _TABLES[problem]
    every = torch.tensor([[False, False], [False, True], [True, False], [True, True]])
    answers = table(every[:, 0], every[:, 1])
    parts = []
    for size in BOOLEAN_SIZES:
        labels = torch.randint(2, (size,), generator=random)
        truths = torch.empty(size, 2, dtype=torch.bool)
        for answer in (False, True):
            rows = every[answers == answer]
            own = labels == answer
            truths[own] = rows[torch.randint(len(rows), (int(own.sum()),), generator=random)]
        noise = torch.rand(size, 2, generator=random) * HIGHEST_FALSE
        parts.append(Spikes(torch.where(truths, LOWEST_TRUE + noise, noise), labels))
    training, validation, test = parts
    return Problem(training, validation, lambda: test, classes=2)


def _spikes(part: Part, brightest: int) -> Spikes:
    """Return spike times of pixels, (n, channels, height, width) to (n, inputs); a black one does not spike."""
    assert isinstance(part, Images)
    intensities = part.pixels.flatten(start_dim=1).float() / brightest
    return Spikes(torch.where(intensities > 0, 1 - intensities, math.inf), part.labels)
