"""What a network's outputs are worth: the loss that is trained, and the scores that are reported."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from evonas_trial.spiking.network import Network, predictions
from evonas_trial.spiking.problems import Spikes
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.replay import Replayed

LOSS_EPSILON = 1e-8
EVALUATION_BATCH = 500


@dataclass(frozen=True)
class Score:
    """A network's score on a part of the data."""

    accuracy: float
    loss: float
    """Mean cross-entropy in nats of the softmax over negative spike times, at most 18.4 for an example."""
    first_spike: float
    """Mean time of the earliest output spike, over the examples that have one; NaN if none has."""


class Evaluation:
    """Scores a network on the same part of the data as often as it is asked."""

    def __init__(self, network: Network, spikes: Spikes, hardware: Hardware) -> None:
        """``spikes`` is on the network's device."""
        self._network, self._spikes = network, spikes
        device = spikes.times.device
        self._most = None if device.type == "cpu" else spikes.most
        self._every = torch.arange(len(spikes), device=device)
        self._outputs = torch.zeros(len(spikes), network.classes, device=device)
        self._spans = torch.zeros(len(network.weights), device=device)
        self._batch = Replayed(self._add, hardware, "the evaluation")

    def score(self) -> Score:
        """Return the score of the network as it is now; raises neuron.SpikesTooFarApart. The host waits for a GPU at
        the end."""
        self._spans.zero_()
        for batch in torch.split(self._every, EVALUATION_BATCH):
            self._batch(batch)
        self._network.refuse(self._spans.tolist())
        return score(self._outputs, self._spikes.labels)

    # Not around its calls: what torch keeps for all recordings must not be made in inference mode.
    @torch.inference_mode()
    def _add(self, batch: Tensor) -> None:
        activity = self._network(self._spikes.times.index_select(0, batch), self._most)
        self._outputs.index_copy_(0, batch, activity.outputs)
        torch.maximum(self._spans, activity.spans, out=self._spans)


def score(outputs: Tensor, labels: Tensor) -> Score:
    """Return the score of output spike times, (examples, classes)."""
    probabilities = logits(outputs).softmax(1).gather(1, labels[:, None])
    # The epsilon bounds what is reported, the gradient does without it; the paper's code does the same.
    loss = -(probabilities + LOSS_EPSILON).log().mean().item()
    hits = (predictions(outputs) == labels).double().mean().item()
    earliest = outputs.amin(1)
    return Score(hits, loss, earliest[earliest.isfinite()].mean().item())


def logits(outputs: Tensor) -> Tensor:
    """Return negative spike times; a silent output counts as the lowest probability that the loss tells from 0."""
    earliest = outputs.detach().amin(1, keepdim=True).nan_to_num_(nan=0, posinf=0, neginf=0)
    return -torch.where(outputs < math.inf, outputs, earliest - math.log(LOSS_EPSILON))
