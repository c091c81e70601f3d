"""Training one candidate and measuring it: epochs of steps, each followed by a validation, resumable at any step."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from evonas_trial.spiking.network import Network
from evonas_trial.spiking.neuron import SpikesTooFarApart
from evonas_trial.spiking.problems import Problem
from evonas_trial.spiking.scoring import Evaluation, Score, score
from evonas_trial.spiking.settings import Settings
from evonas_trial.spiking.step import Step
from evonas_trial.training.checkpoint import Checkpoint
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.loop import GPU_CHECK_INTERVAL, Diverged, Interrupted
from evonas_trial.training.replay import Replayed


@dataclass(frozen=True)
class Epoch:
    """One pass over the training examples."""

    number: int
    """From 1 on."""
    training: Score
    """Over the pass, while the weights changed."""
    validation: Score
    best: Score
    """The validation of the best epoch so far."""

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Epoch:
        """Return what ``asdict`` made a mapping of."""
        return cls(saved["number"], *(Score(**saved[part]) for part in ("training", "validation", "best")))


@dataclass(frozen=True)
class Trained:
    """The network after its best epoch: the highest validation accuracy, among equals the latest."""

    network: Network
    best: Epoch
    epochs: int
    train_seconds: float
    """Time of all epochs including validation; earlier attempts count."""


class Training:
    """One candidate's training. Deterministic on a CPU in settings, problem, seed and threads, interrupted or not.

    Ends early after an epoch with nothing to learn from.
    """

    def __init__(
        self,
        settings: Settings,
        problem: Problem,
        hardware: Hardware,
        *,
        seed: int,
        checkpoint: Checkpoint | None = None,
        told_to_end: Callable[[], bool] = lambda: False,
        rungs: Collection[int] = (),
        until: int | None = None,
    ) -> None:
        """``problem`` lies on the CPU; it is copied to the device. The epochs ``rungs`` are saved, and told again when
        resumed. A training of the settings' epochs may be asked to end early, ``until`` another attempt goes on."""
        self._settings, self._seed, self._device = settings, seed, hardware.device
        self._training = problem.training.on(hardware.device)
        self._checkpoint, self._told_to_end = checkpoint, told_to_end
        torch.manual_seed(seed)
        self._network = Network(settings, problem.inputs, problem.classes).to(hardware.device)
        self._validation = Evaluation(self._network, problem.validation.on(hardware.device), hardware)
        on_cpu = hardware.device.type == "cpu"
        self._step = Step(settings, self._network, self._training, waits=on_cpu)
        self._replayed = Replayed(self._step, hardware, "the training's step")
        self._check_interval = 1 if on_cpu else GPU_CHECK_INTERVAL
        self._random = torch.Generator()
        self._order_state = torch.get_rng_state()
        """What the order of the current epoch is drawn from; it continues from the draw of the first weights."""
        self._epochs = 0
        """Whole epochs, validated."""
        self._steps = 0
        """Steps of the current epoch."""
        self._best: tuple[Epoch, dict[str, Tensor]] | None = None
        self._rungs, self._at_rungs = frozenset(rungs), list[Epoch]()
        self._until = settings.epochs if until is None else until
        self._seconds = 0.0
        """Time of earlier attempts."""
        self._started = time.perf_counter()

    @property
    def size(self) -> float:
        """How many numbers are trained."""
        return float(self._network.size())

    def run(self, on_epoch: Callable[[Epoch], None], on_start: Callable[[int], None] = lambda _epochs: None) -> Trained:
        """Train to the end, from the checkpoint if there is one: call ``on_start`` with the epochs that it has, then
        ``on_epoch`` after each epoch, and first for the rungs that an earlier attempt had passed.

        Raises Diverged, or Interrupted when told to end.
        """
        if self._checkpoint and (saved := self._checkpoint.load(self._device)):
            if saved["epochs"] <= self._until:
                self._restore(saved)
            else:
                self._checkpoint.say_further_than(self._until)
        # Where there was nothing left to learn, all later epochs are known, too.
        on_start(self._until if self._ended_early() else self._epochs)
        for epoch in self._at_rungs:
            on_epoch(epoch)
        self._started = time.perf_counter()
        try:
            while self._epochs < self._until and not self._ended_early():
                on_epoch(self._epoch())
        except SpikesTooFarApart as error:
            raise Diverged(str(error)) from error
        if self._best is None:
            raise AssertionError("settings let a training without epochs through")
        best, weights = self._best
        self._network.load_state_dict(weights)
        return Trained(self._network, best, self._epochs, self._elapsed())

    def _ended_early(self) -> bool:
        """Return whether the last epoch was a whole one with nothing to learn from."""
        return not self._steps and not self._step.changed

    def _epoch(self) -> Epoch:
        if not self._steps:
            self._step.changed.zero_()
        self._random.set_state(self._order_state)
        order = torch.randperm(len(self._training), generator=self._random).to(self._device)
        for batch in torch.split(order, self._settings.batch_size)[self._steps :]:
            self._replayed(batch)
            self._steps += 1
            if self._steps % self._check_interval == 0:
                self._step.check()
            self._leave_if_told()
        self._step.check()
        training = score(self._step.outputs[order], self._training.labels[order])
        validation = self._validation.score()
        earlier = self._best and self._best[0].validation
        best = validation if earlier is None or validation.accuracy >= earlier.accuracy else earlier
        epoch = Epoch(self._epochs + 1, training, validation, best)
        self._epochs, self._steps, self._order_state = epoch.number, 0, self._random.get_state()
        if best is validation:
            self._best = epoch, copy.deepcopy(self._network.state_dict())
        if epoch.number in self._rungs:
            self._at_rungs.append(epoch)
        self._save()
        return epoch

    def _elapsed(self) -> float:
        return self._seconds + time.perf_counter() - self._started

    def _leave_if_told(self) -> None:
        if self._told_to_end():
            self._step.check()
            self._save()
            raise Interrupted

    def _save(self) -> None:
        if self._checkpoint is None:
            return
        best = self._best and {"epoch": asdict(self._best[0]), "network": self._best[1]}
        self._checkpoint.save(
            {
                "network": self._network.state_dict(),
                "optimizer": self._step.optimizer.state_dict(),
                "order": self._order_state,
                "epochs": self._epochs,
                "steps": self._steps,
                # Nothing of a whole epoch is needed any more.
                "outputs": self._step.outputs if self._steps else None,
                "changed": self._step.changed,
                "best": best,
                "at_rungs": [asdict(epoch) for epoch in self._at_rungs],
                "seconds": self._elapsed(),
            }
        )

    def _restore(self, saved: Mapping[str, Any]) -> None:
        self._network.load_state_dict(saved["network"])
        self._step.optimizer.load_state_dict(saved["optimizer"])
        self._epochs, self._steps = saved["epochs"], saved["steps"]
        self._step.changed.copy_(saved["changed"])
        if self._steps:
            self._step.outputs.copy_(saved["outputs"])
        # Generators of orders stay on the CPU, wherever the rest was loaded to.
        self._order_state, self._seconds = saved["order"].cpu(), saved["seconds"]
        if best := saved["best"]:
            self._best = Epoch.of(best["epoch"]), best["network"]
        self._at_rungs = [Epoch.of(epoch) for epoch in saved["at_rungs"]]
