"""A layer of neurons with alpha synapses: spike times in, spike times out, exact and differentiable.

A neuron's potential is V(t) = sum of w_j (t - t_j) exp(-tau (t - t_j)) over the inputs that have spiked by t, and it
spikes when V first reaches the threshold. With A = sum of w_j exp(tau t_j) and B = sum of w_j t_j exp(tau t_j) over
these inputs, V(t) = exp(-tau t) (A t - B), which reaches the threshold at B/A - W/tau, W being Lambert's W0 of -(tau
threshold / A) exp(tau B/A) (Comsa et al., section 2).

Which inputs come before the spike, its causal set, is found for all neurons of a batch at once: the inputs are sorted,
A and B of every prefix are prefix sums, and the first prefix whose potential reaches the threshold before the next
input arrives is the causal set. W is needed for that one alone.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from evonas_trial.spiking.lambert import lambert_w0

MAX_ELEMENTS = 1 << 22
"""Examples x inputs x neurons processed at once, which bounds the memory; larger batches are split."""


class Neuron(NamedTuple):
    """What all neurons of a network have in common."""

    decay: float
    """tau, per unit of time."""
    threshold: float
    """The potential at which a neuron spikes."""
    clip: float
    """Bound on each derivative of a spike time: they are infinite where the potential barely touches the threshold."""


class SpikesTooFarApart(ArithmeticError):
    """An example's first and last spike are so far apart that the exponentials cannot be computed."""


def spike_times(inputs: Tensor, pulses: Tensor, weights: Tensor, neuron: Neuron) -> Tensor:
    """Return when each neuron spikes, infinity where it does not.

    inputs: (examples, inputs) spike times, infinity for none; pulses: (pulses,) times that are the same for every
    example; weights: (inputs + pulses, neurons). Returns (examples, neurons). Differentiable in all three; the
    derivative is zero where there is no influence. Raises SpikesTooFarApart.
    """
    parts = torch.split(inputs, max(1, MAX_ELEMENTS // weights.numel()))
    return torch.cat([_SpikeTimes.apply(part, pulses, weights, neuron) for part in parts])


class _Sorted(NamedTuple):
    """The spikes of each example in their order, silent inputs left out as far as the batch allows."""

    times: Tensor
    """(examples, spikes, 1); where an example has fewer spikes, its last one again."""
    order: Tensor
    """(examples, spikes): each spike's row of the weights."""
    grown: Tensor
    """exp(tau t), (examples, spikes, 1); 0 where there is no spike."""


class _Crossing(NamedTuple):
    """Where potentials reach the threshold; (examples, neurons) each, of no meaning where a neuron has not fired."""

    fired: Tensor
    times: Tensor
    a: Tensor
    b_over_a: Tensor
    w: Tensor


class _SpikeTimes(Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, pulses: Tensor, weights: Tensor, neuron: Neuron) -> Tensor:
        times = torch.cat([inputs, pulses.expand(len(inputs), -1)], dim=1)
        # Counted from each example's first spike, the exponentials stay small and the differences exact.
        start = times.amin(dim=1, keepdim=True)
        start = torch.where(start.isfinite(), start, 0)
        times = times - start
        spikes = _sort(times, neuron)
        crossing = _cross(spikes, weights, neuron)
        ctx.neuron, ctx.inputs = neuron, inputs.shape[1]
        ctx.save_for_backward(times, weights, *spikes, *crossing)
        return torch.where(crossing.fired, crossing.times + start, math.inf)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        times, weights, *saved = ctx.saved_tensors
        spikes, crossing = _Sorted(*saved[:3]), _Crossing(*saved[3:])
        gradient = torch.where(crossing.fired, gradient, 0)
        inputs, pulses = slice(None, ctx.inputs), slice(ctx.inputs, None)
        of_inputs = of_pulses = of_weights = None
        if ctx.needs_input_grad[0]:
            of_inputs = _gradient_of_times(times[:, inputs], weights[inputs], crossing, gradient, ctx.neuron)
        if ctx.needs_input_grad[1]:
            of_pulses = _gradient_of_times(times[:, pulses], weights[pulses], crossing, gradient, ctx.neuron).sum(0)
        if ctx.needs_input_grad[2]:
            of_weights = _gradient_of_weights(spikes, weights, crossing, gradient, ctx.neuron)
        return of_inputs, of_pulses, of_weights, None


def _sort(times: Tensor, neuron: Neuron) -> _Sorted:
    times, order = times.sort(dim=1, stable=True)
    there = times.isfinite()
    most = max(1, int(there.sum(1).amax()))
    times, order, there = times[:, :most, None], order[:, :most], there[:, :most, None]
    last = torch.where(there, times, 0).amax(1, keepdim=True)
    # A tenth of the exponents is left for sums and products.
    limit = 0.9 * math.log(torch.finfo(times.dtype).max) / neuron.decay
    if (span := last.amax().item()) > limit:
        raise SpikesTooFarApart(
            f"two spikes of one example are {span:.0f} apart; with a decay constant of {neuron.decay}, "
            f"{limit:.0f} can be computed"
        )
    times = torch.where(there, times, last)
    return _Sorted(times, order, (neuron.decay * times).exp().mul_(there))


def _cross(spikes: _Sorted, weights: Tensor, neuron: Neuron) -> _Crossing:
    times, order, grown = spikes
    decay, threshold, _ = neuron
    # Nothing comes after an example's last spike.
    following = torch.where(grown[:, 1:] > 0, times[:, 1:], math.inf)
    following = torch.cat([following, torch.full_like(times[:, :1], math.inf)], dim=1)
    weighted = weights[order].mul_(grown)
    a = weighted.cumsum(1)
    b = weighted.mul_(times).cumsum(1)
    # A rising potential is largest at B/A + 1/tau; of that prefix, only the time until the next input counts.
    best = torch.div(b, a, out=weighted).add_(1 / decay).clamp_(min=times, max=following)
    height = (a * best).sub_(b)
    reached = (height >= best.mul_(decay).exp_().mul_(threshold)).logical_and_(a > 0)
    first = _first(reached)
    fired, a, b = (tensor.gather(1, first).squeeze(1) for tensor in (reached, a, b))
    a, b_over_a = torch.where(fired, a, 1), torch.where(fired, b / a, 0)
    w = lambert_w0((decay * b_over_a).exp() * (-decay * threshold) / a)
    return _Crossing(fired, b_over_a - w / decay, a, b_over_a, w)


def _first(reached: Tensor) -> Tensor:
    """Return the first index that holds, along the second dimension; the last one if none does."""
    # Several times faster than argmax, which goes through the memory crosswise.
    last = reached.shape[1] - 1
    indexes = torch.arange(last + 1, dtype=torch.int32, device=reached.device)[:, None]
    return torch.where(reached, indexes, last).amin(1, keepdim=True).long()


def _gradient_of_weights(
    spikes: _Sorted, weights: Tensor, crossing: _Crossing, gradient: Tensor, neuron: Neuron
) -> Tensor:
    """dt/dw_j = -exp(tau t_j) (t - t_j) / (A (1 + W)), times the gradient of t, summed over the examples."""
    # An input outside the causal set is no earlier than the spike, so that the bound of 0 leaves it out.
    steps = (crossing.times[:, None] - spikes.times).clamp_(min=0)
    steps.mul_(spikes.grown).mul_(_flatness(crossing)[:, None]).clamp_(max=neuron.clip).mul_(-gradient[:, None])
    return torch.zeros_like(weights).index_add_(0, spikes.order.flatten(), steps.flatten(end_dim=1))


def _gradient_of_times(times: Tensor, weights: Tensor, crossing: _Crossing, gradient: Tensor, neuron: Neuron) -> Tensor:
    """dt/dt_j = w_j exp(tau t_j) (tau (t_j - B/A) + W + 1) / (A (1 + W)), times that of t, summed over the neurons."""
    later = crossing.times[:, None]
    times = times[:, :, None]
    causal = times < later
    times = torch.where(causal, times, 0)
    steps = (times - crossing.b_over_a[:, None]).mul_(neuron.decay).add_(1 + crossing.w[:, None])
    steps.mul_((neuron.decay * times).exp()).mul_(weights).mul_(_flatness(crossing)[:, None])
    return steps.clamp_(-neuron.clip, neuron.clip).mul_(causal).mul_(gradient[:, None]).sum(2)


def _flatness(crossing: _Crossing) -> Tensor:
    """Return 1 / (A (1 + W)); infinite where the potential only touches the threshold, which the clip answers for."""
    return 1 / (crossing.a * (1 + crossing.w).clamp(min=torch.finfo(crossing.w.dtype).eps))
