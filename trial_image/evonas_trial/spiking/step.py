"""One step of a training as a function of tensors on the device: nothing in it reads what the device has computed, and
no shape depends on it, so that a GPU's step can be recorded and replayed (see ``training.replay``).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from evonas_trial.spiking.network import Activity, Network, predictions
from evonas_trial.spiking.optimizer import Adam
from evonas_trial.spiking.problems import Spikes
from evonas_trial.spiking.scoring import logits
from evonas_trial.spiking.settings import Settings
from evonas_trial.training.loop import Diverged


class Step:
    """Moves a network along the gradient of a batch, and notes on the device what the training wants to know."""

    def __init__(self, settings: Settings, network: Network, examples: Spikes, *, waits: bool) -> None:
        """``waits`` is whether the device waits for the host anyway, as a CPU does: then what is not needed for this
        batch is not computed. The results are the same."""
        self._settings, self._network, self._examples, self._waits = settings, network, examples, waits
        self._most = None if waits else examples.most
        device = examples.times.device
        self.optimizer = Adam(
            (network.weights, settings.learning_rate), (network.pulses, settings.learning_rate_pulses)
        )
        self.outputs = torch.zeros(len(examples), network.classes, device=device)
        """Output spike times of each training example in the epoch's steps so far."""
        self.changed = torch.ones((), dtype=torch.bool, device=device)
        """Whether the network has changed since this was last set to zero."""
        self._losses = torch.zeros((), dtype=torch.float64, device=device)
        self._spans = torch.zeros(len(network.weights), device=device)

    def __call__(self, batch: Tensor) -> None:
        """Learn from the examples with these indexes."""
        labels = self._examples.labels.index_select(0, batch)
        activity = self._network(self._examples.times.index_select(0, batch), self._most)
        self.outputs.index_copy_(0, batch, activity.outputs.detach())
        torch.maximum(self._spans, activity.spans, out=self._spans)
        if self._settings.update_all:
            self._move(activity, labels, torch.full_like(labels, 1 / len(labels), dtype=torch.float32), None)
            return
        learn_from = predictions(activity.outputs) != labels
        any_to_learn = learn_from.any()
        if self._waits and not any_to_learn:
            return
        shares = learn_from / learn_from.sum().clamp(min=1)
        self._move(activity, labels, shares, None if self._waits else any_to_learn)

    def check(self) -> None:
        """Raise SpikesTooFarApart or Diverged if a step so far could not be computed. The host waits for the device."""
        self._network.refuse(self._spans.tolist())
        if not math.isfinite(loss := self._losses.item()):
            raise Diverged(f"the training loss became {loss}")

    def _move(self, activity: Activity, labels: Tensor, shares: Tensor, wanted: Tensor | None) -> None:
        """Move the network along the gradient, each example weighted by its share (0 to 1, summing to 1), unless
        ``wanted`` is false."""
        errors = functional.cross_entropy(logits(activity.outputs), labels, reduction="none")
        loss = shares @ errors + self._settings.penalty_no_spike * self._network.silence(activity, shares)
        self.optimizer.step(torch.autograd.grad(loss, self.optimizer.parameters), wanted)
        self._network.keep_pulses_after_start()
        # A sum that once was not finite never is again.
        if wanted is None:
            self._losses.add_(loss.detach())
            self.changed.fill_(1)
        else:
            self._losses.add_(loss.detach().masked_fill(~wanted, 0))
            self.changed.logical_or_(wanted)
