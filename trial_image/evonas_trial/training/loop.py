"""The training itself: epochs of steps, each followed by a validation, resumable at any step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from evonas_trial.training import schedule
from evonas_trial.training.batches import Batches
from evonas_trial.training.checkpoint import Checkpoint
from evonas_trial.training.evaluation import Evaluation, Score
from evonas_trial.training.hardware import Hardware, derived_seed
from evonas_trial.training.optimizers import Optimizer, zero_rate
from evonas_trial.training.recipe import Recipe
from evonas_trial.training.replay import Replayed

GPU_CHECK_INTERVAL = 50
"""Steps between two reads of a GPU's loss: each makes the host wait for the GPU."""

DIVERGED_FACTOR = 20
"""An epoch whose mean loss is this many times that of guessing will not recover."""


class Diverged(Exception):
    """The loss is no longer finite, or far above that of guessing."""


class Interrupted(Exception):
    """The trial was told to end; its state is saved if there is a checkpoint."""


@dataclass
class _Done:
    """A training's progress; saved with the weights."""

    epochs: int = 0
    """Whole epochs, validated."""
    steps: int = 0
    """Steps of the current epoch."""
    seconds: float = 0.0
    """Time of all steps and validations so far, also of earlier attempts."""


class Training:
    """One candidate's training. Deterministic on a CPU in candidate, seed and threads, interrupted or not."""

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        training: Batches,
        validation: Batches | None,
        hardware: Hardware,
        *,
        classes: int,
        seed: int,
        checkpoint: Checkpoint | None = None,
        told_to_end: Callable[[], bool] = lambda: False,
        rungs: Collection[int] = (),
        until: int | None = None,
    ) -> None:
        """Without ``validation`` the scores are those of the training images, as they were trained on. The scores after
        ``rungs``, which are epochs, are saved, and told again when resumed. A training of the recipe's epochs may be
        asked to end early, ``until`` another attempt goes on."""
        self.model = hardware.placed(model)
        self._runner = hardware.runner(self.model)
        self._recipe, self._training, self._hardware = recipe, training, hardware
        self._validation = None if validation is None else Evaluation(self._runner, validation, hardware)
        self._seed, self._checkpoint, self._told_to_end = seed, checkpoint, told_to_end
        self._optimizer, self._rate = Optimizer(self.model, recipe), zero_rate(hardware.device)
        self._rungs, self._at_rungs = frozenset(rungs), dict[int, Score]()
        self._until = recipe.epochs if until is None else until
        self._done, self._score = _Done(), Score(0.0, math.inf)
        self._started = time.perf_counter()
        self._too_much = DIVERGED_FACTOR * math.log(classes)
        self._loss, self._hits = torch.zeros(2, dtype=torch.float64, device=hardware.device)
        """Sums over the images of the current epoch, on the device."""
        self._step = Replayed(self._learn, hardware, "the training's step")

    @property
    def seconds(self) -> float:
        """Time of all epochs so far, including validation."""
        return self._done.seconds

    def run(
        self, on_epoch: Callable[[int, Score], None], on_start: Callable[[int], None] = lambda _epochs: None
    ) -> Score:
        """Train to the end, from the checkpoint if there is one; calls ``on_start`` with the epochs that it has, then
        ``on_epoch`` after each epoch, from 1, and first for the rungs that an earlier attempt had passed.

        Raises Diverged, or Interrupted when told to end.
        """
        for epoch, score in self.epochs(on_start):
            on_epoch(epoch, score)
        return self._score

    def epochs(self, on_start: Callable[[int], None] = lambda _epochs: None) -> Iterator[tuple[int, Score]]:
        """Train epoch by epoch, each when it is asked for; otherwise as ``run``."""
        if self._checkpoint and (saved := self._checkpoint.load(self._hardware.device)):
            if saved["done"]["epochs"] <= self._until:
                self._restore(saved)
            else:
                self._checkpoint.say_further_than(self._until)
        on_start(self._done.epochs)
        yield from self._at_rungs.items()
        self._started = time.perf_counter() - self._done.seconds
        while self._done.epochs < self._until:
            trained = self._epoch()
            self._score = trained if self._validation is None else self._validated(self._validation)
            self._done.epochs, self._done.steps = self._done.epochs + 1, 0
            self._loss.zero_()
            self._hits.zero_()
            if self._done.epochs in self._rungs:
                self._at_rungs[self._done.epochs] = self._score
            self._save()
            yield self._done.epochs, self._score

    def _epoch(self) -> Score:
        self.model.train()
        epoch = self._done.epochs + 1
        every = GPU_CHECK_INTERVAL if self._hardware.device.type == "cuda" else 1
        for source in self._training.shuffled(self._done.epochs, self._done.steps):
            self._prepare_step()
            self._step(*source)
            self._done.steps += 1
            if self._done.steps % every == 0 and not math.isfinite(loss := float(self._loss)):
                raise Diverged(f"the training loss became {loss} in epoch {epoch}")
            self._leave_if_told()
        images = self._done.steps * self._training.batch_size
        mean = float(self._loss) / images
        # Also true for NaN.
        if not mean <= self._too_much:
            raise Diverged(f"the mean training loss of epoch {epoch} is {mean:.3g}")
        return Score(float(self._hits) / images, mean)

    def _prepare_step(self) -> None:
        """Set what a step reads besides its batch. Dropout's draws follow from the step alone, too."""
        recipe, steps = self._recipe, len(self._training)
        self._hardware.seed(derived_seed(self._seed, self._done.epochs, self._done.steps))
        progress = (self._done.epochs + self._done.steps / steps) / recipe.epochs
        share = schedule.factor(recipe.schedule, progress, min(1.0, recipe.warmup_epochs / recipe.epochs))
        self._rate.fill_(recipe.learning_rate * share)

    def _learn(self, *source: Tensor) -> None:
        """Take a step. Only computes on the device, and only with tensors that stay where they are."""
        images, labels = self._training.made(*source)
        with self._hardware.autocast():
            logits = self._runner(images)
            loss = functional.cross_entropy(logits, labels, label_smoothing=self._recipe.label_smoothing)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._optimizer.step(self._rate)
        with torch.no_grad():
            self._loss.add_(loss, alpha=len(labels))
            self._hits.add_((logits.argmax(1) == labels).sum())

    def _validated(self, validation: Evaluation) -> Score:
        score = validation.score(self._leave_if_told)
        if not math.isfinite(score.loss):
            raise Diverged(f"the validation loss is {score.loss} after epoch {self._done.epochs + 1}")
        return score

    def _leave_if_told(self) -> None:
        # Also in a validation: what it found so far is not worth keeping; the epoch's steps are.
        if self._told_to_end():
            self._save()
            raise Interrupted

    def _save(self) -> None:
        self._done.seconds = time.perf_counter() - self._started
        if self._checkpoint is not None:
            self._checkpoint.save(
                {
                    "model": self.model.state_dict(),
                    "optimizer": self._optimizer.state_dict(),
                    "done": asdict(self._done),
                    "score": asdict(self._score),
                    "at_rungs": {epoch: asdict(score) for epoch, score in self._at_rungs.items()},
                    "loss": self._loss,
                    "hits": self._hits,
                }
            )

    def _restore(self, saved: dict[str, Any]) -> None:
        self.model.load_state_dict(saved["model"])
        self._optimizer.load_state_dict(saved["optimizer"])
        self._done, self._score = _Done(**saved["done"]), Score(**saved["score"])
        self._at_rungs = {epoch: Score(**score) for epoch, score in saved["at_rungs"].items()}
        self._loss.copy_(saved["loss"])
        self._hits.copy_(saved["hits"])
