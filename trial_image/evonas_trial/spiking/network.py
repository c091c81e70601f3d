"""The network: fully connected layers of spiking neurons, all but the last with synchronisation pulses."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from evonas_trial.spiking.neuron import Neuron, spike_times
from evonas_trial.spiking.settings import Settings


@dataclass(frozen=True)
class Activity:
    """What a network did with a batch."""

    layers: tuple[Tensor, ...]
    """Spike times of each layer after the input, (examples, neurons); infinity for a neuron that stayed silent."""
    spans: Tensor
    """Of each layer, the longest time between two of an example's input spikes, (layers,)."""

    @property
    def outputs(self) -> Tensor:
        """Spike times of the output layer, (examples, classes)."""
        return self.layers[-1]


def predictions(outputs: Tensor) -> Tensor:
    """Return the class whose output spikes first, (examples,), from (examples, classes); -1 if none spikes."""
    earliest = outputs.min(dim=1)
    return torch.where(earliest.values < math.inf, earliest.indices, -1)


class Network(nn.Module):
    """Weights and pulse times; initialised from torch's current random state (Comsa et al., section 3)."""

    def __init__(self, settings: Settings, inputs: int, outputs: int) -> None:
        super().__init__()
        self.classes = outputs
        self.neuron = Neuron(settings.decay_constant, settings.fire_threshold, settings.clip_derivative)
        sizes = [inputs, *[settings.hidden_size] * settings.hidden_layers, outputs]
        self.weights = nn.ParameterList(_initial(settings, *pair) for pair in pairwise(sizes))
        evenly = torch.arange(1, settings.n_pulses + 1) / (settings.n_pulses + 1)
        self.pulses = nn.ParameterList(evenly.clone() for _ in self.weights)

    def forward(self, times: Tensor, most: int | None = None) -> Activity:
        """Take spike times, (examples, inputs), infinity for none. ``most``: no example has more spikes than so many;
        without it they are counted in each layer, for which the host waits for a GPU. What is returned means nothing if
        ``refuse`` refuses its spans.
        """
        layers, spans = [], []
        for weights, pulses in zip(self.weights, self.pulses, strict=True):
            times, span = spike_times(times, pulses, weights, self.neuron, most)
            layers.append(times)
            spans.append(span)
            # Of a hidden layer, all neurons may spike.
            most = None if most is None else weights.shape[1]
        return Activity(tuple(layers), torch.stack(spans))

    def refuse(self, spans: Iterable[float]) -> None:
        """Raise neuron.SpikesTooFarApart if an activity of these spans cannot have been computed."""
        for span in spans:
            self.neuron.refuse(span, self.weights[0].dtype)

    def silence(self, activity: Activity, shares: Tensor) -> Tensor:
        """Return minus the sum of silent neurons' incoming weights, each example weighted by its share.

        The gradient pushes all incoming weights of a neuron that did not spike up by the same amount.
        """
        sums = [
            (shares @ (times == math.inf).to(shares.dtype)) @ weights.sum(0)
            for times, weights in zip(activity.layers, self.weights, strict=True)
        ]
        return -torch.stack(sums).sum()

    @torch.no_grad()
    def keep_pulses_after_start(self) -> None:
        """Move pulses with a negative time to 0."""
        for pulses in self.pulses:
            pulses.clamp_(min=0)

    def size(self) -> int:
        """Return the number of trained numbers."""
        return sum(parameter.numel() for parameter in self.parameters())


def _initial(settings: Settings, inputs: int, outputs: int) -> Tensor:
    pulses = settings.n_pulses
    deviation = math.sqrt(2 / (outputs + inputs + pulses))
    means = torch.full((inputs + pulses, 1), settings.nonpulse_weight_mean_multiplier)
    means[inputs:] = settings.pulse_weight_mean_multiplier
    return (torch.randn(inputs + pulses, outputs) + means) * deviation
