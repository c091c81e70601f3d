"""What a network's outputs are worth: the loss that is trained, and the scores that are reported."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from evonas_trial.spiking.network import Network, predictions
from evonas_trial.spiking.problems import Spikes

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


@torch.inference_mode()
def evaluate(network: Network, spikes: Spikes) -> Score:
    """Return the score on a part of the data, which is on the network's device; raises neuron.SpikesTooFarApart.

    The host waits for a GPU at the end.
    """
    most = None if spikes.times.device.type == "cpu" else spikes.most
    batches = [network(times, most) for times in torch.split(spikes.times, EVALUATION_BATCH)]
    for spans in torch.stack([activity.spans for activity in batches]).tolist():
        network.refuse(spans)
    return score(torch.cat([activity.outputs for activity in batches]), spikes.labels)


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
