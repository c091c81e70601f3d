"""A network's score on a part of the data; ``loop`` asks for one after each epoch, ``trial`` for that of a winner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from evonas_trial.training.batches import Batches
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.replay import Replayed


@dataclass(frozen=True)
class Score:
    """A network's score on a part of the data."""

    accuracy: float
    loss: float
    """Mean cross-entropy in nats; during training with label smoothing and on augmented images."""


class Evaluation:
    """Scores a network on the same part as often as it is asked."""

    def __init__(self, model: nn.Module, batches: Batches, hardware: Hardware) -> None:
        self._model, self._batches, self._hardware = model, batches, hardware
        self._hits, self._loss = torch.zeros(2, device=hardware.device)
        """Sums over the images, on the device."""
        self._batch = Replayed(self._add, hardware, "the evaluation")

    def score(self, before_batch: Callable[[], None] = lambda: None) -> Score:
        """Return the score of the network as it is now."""
        self._model.eval()
        self._hits.zero_()
        self._loss.zero_()
        for source in self._batches.ordered():
            before_batch()
            self._batch(*source)
        return Score(float(self._hits) / self._batches.images, float(self._loss) / self._batches.images)

    # Not around its calls: what torch keeps for all recordings must not be made in inference mode.
    @torch.inference_mode()
    def _add(self, *source: Tensor) -> None:
        images, labels = self._batches.made(*source)
        with self._hardware.autocast():
            logits = self._model(images)
        self._hits.add_((logits.argmax(1) == labels).sum())
        self._loss.add_(functional.cross_entropy(logits.float(), labels, reduction="sum"))
