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
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

from evonas_trial.spiking.lambert import lambert_w0

MAX_ELEMENTS = {"cpu": 1 << 22, "cuda": 1 << 25}
"""Examples x inputs x neurons processed at once, which bounds the memory; larger batches are split."""


class Neuron(NamedTuple):
    """What all neurons of a network have in common."""

    decay: float
    """tau, per unit of time."""
    threshold: float
    """The potential at which a neuron spikes."""
    clip: float
    """Bound on each derivative of a spike time: they are infinite where the potential barely touches the threshold."""

    def refuse(self, span: float, dtype: torch.dtype) -> None:
        """Raise SpikesTooFarApart if an example's spikes lie in a longer span of time than can be computed."""
        # A tenth of the exponents is left for sums and products.
        limit = 0.9 * math.log(torch.finfo(dtype).max) / self.decay
        if span > limit:
            raise SpikesTooFarApart(
                f"two spikes of one example are {span:.0f} apart; with a decay constant of {self.decay}, "
                f"{limit:.0f} can be computed"
            )


class SpikesTooFarApart(ArithmeticError):
    """An example's first and last spike are so far apart that the exponentials cannot be computed."""


class Fired(NamedTuple):
    """What a layer did with a batch."""

    times: Tensor
    """When each neuron spikes, (examples, neurons); infinity where it does not."""
    span: Tensor
    """The longest time between two of an example's input spikes; the times mean nothing if ``Neuron.refuse`` does."""


def spike_times(inputs: Tensor, pulses: Tensor, weights: Tensor, neuron: Neuron, most: int | None = None) -> Fired:
    """Return when each neuron spikes.

    inputs: (examples, inputs) spike times, infinity for none; pulses: (pulses,) times that are the same for every
    example; weights: (inputs + pulses, neurons). Differentiable in all three; the derivative is zero where there is no
    influence. ``most``: no example has more input spikes than so many; without it they are counted, for which the host
    waits for a GPU, and which makes the shapes of what is computed depend on the data.
    """
    if most is not None:
        most = min(most, inputs.shape[1]) + len(pulses)
    per_example = weights.numel() if most is None else most * weights.shape[1]
    parts = torch.split(inputs, max(1, MAX_ELEMENTS[inputs.device.type] // max(1, per_example)))
    fired = [Fired(*_SpikeTimes.apply(part, pulses, weights, neuron, most)) for part in parts]
    if len(fired) == 1:
        return fired[0]
    return Fired(torch.cat([part.times for part in fired]), torch.stack([part.span for part in fired]).amax())


class _Sorted(NamedTuple):
    """The spikes of each example in their order, silent inputs left out as far as the batch allows."""

    times: Tensor
    """(examples, spikes, 1); where an example has fewer spikes, its last one again."""
    following: Tensor
    """(examples, spikes, 1): when the next one comes; infinity where none does."""
    order: Tensor
    """(examples, spikes): each spike's row of the weights."""
    grown: Tensor
    """exp(tau t), (examples, spikes, 1); 0 where there is no spike."""


class _Crossing(NamedTuple):
    """Where potentials reach the threshold; (examples, neurons) each, of no meaning where a neuron is silent."""

    silent: Tensor
    times: Tensor
    a: Tensor
    b_over_a: Tensor
    w: Tensor


class _SpikeTimes(Function):
    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, pulses: Tensor, weights: Tensor, neuron: Neuron, most: int | None
    ) -> tuple[Tensor, Tensor]:
        times = torch.cat([inputs, pulses.expand(len(inputs), -1)], dim=1)
        # Counted from each example's first spike, the exponentials stay small and the differences exact.
        start = times.amin(dim=1, keepdim=True).nan_to_num_(nan=0, posinf=0, neginf=0)
        times = times - start
        spikes, span = _sort(times, neuron, most)
        crossing = _cross(spikes, weights, neuron)
        ctx.neuron, ctx.inputs = neuron, inputs.shape[1]
        ctx.mark_non_differentiable(span)
        ctx.save_for_backward(times, weights, spikes.times, spikes.order, spikes.grown, *crossing)
        return (crossing.times + start).masked_fill_(crossing.silent, math.inf), span

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, _of_span: Tensor) -> tuple[Tensor | None, ...]:
        times, weights, *saved = ctx.saved_tensors
        crossing = _Crossing(*saved[3:])
        gradient = gradient.masked_fill(crossing.silent, 0)
        # 1 / (A (1 + W)); infinite where the potential only touches the threshold, which the clip answers for.
        flatness = (crossing.w + 1).clamp_(min=torch.finfo(weights.dtype).eps).mul_(crossing.a).reciprocal_()
        given = ctx.inputs
        of_inputs = of_pulses = of_weights = None
        if ctx.needs_input_grad[0] or ctx.needs_input_grad[1]:
            first = 0 if ctx.needs_input_grad[0] else given
            of_times = _gradient_of_times(times[:, first:], weights[first:], crossing, flatness, gradient, ctx.neuron)
            of_inputs = of_times[:, : given - first] if ctx.needs_input_grad[0] else None
            of_pulses = of_times[:, given - first :].sum(0) if ctx.needs_input_grad[1] else None
        if ctx.needs_input_grad[2]:
            of_weights = _gradient_of_weights(saved[:3], weights, crossing, flatness, gradient, ctx.neuron)
        return of_inputs, of_pulses, of_weights, None, None


def _sort(times: Tensor, neuron: Neuron, most: int | None) -> tuple[_Sorted, Tensor]:
    """Return an example's spikes and the longest time between its first and last one."""
    times, order = times.sort(dim=1, stable=True)
    if most is None:
        most = int(times.isfinite().sum(1).amax())
    most = max(1, most)
    times, order = times[:, :most, None], order[:, :most]
    there = times < math.inf
    last = times.nan_to_num(nan=0, posinf=0, neginf=0).amax(1, keepdim=True)
    # Nothing comes after an example's last spike.
    following = functional.pad(times[:, 1:], (0, 0, 0, 1), value=math.inf)
    times = torch.where(there, times, last)
    return _Sorted(times, following, order, (neuron.decay * times).exp_().mul_(there)), last.amax()


def _cross(spikes: _Sorted, weights: Tensor, neuron: Neuron) -> _Crossing:
    times, following, order, grown = spikes
    decay, threshold, _ = neuron
    # Both sums are one call: a GPU waits for the memory at each of an example's spikes.
    sums = weights.new_empty(2, *order.shape, weights.shape[1])
    torch.index_select(weights, 0, order.flatten(), out=sums[0].flatten(end_dim=1))
    torch.mul(sums[0].mul_(grown), times, out=sums[1])
    a, b = sums.cumsum_(2)
    # A rising potential is largest at B/A + 1/tau; of that prefix, only the time until the next input counts.
    best = torch.div(b, a).add_(1 / decay).clamp_(min=times, max=following)
    height = (a * best).sub_(b)
    reached = (height >= best.mul_(decay).exp_().mul_(threshold)).logical_and_(a > 0)
    first = _first(reached)
    silent = reached.gather(1, first).squeeze(1).logical_not_()
    a, b = sums.gather(2, first.expand(2, -1, -1, -1)).squeeze(2)
    b_over_a = b.masked_fill_(silent, 0).div_(a.masked_fill_(silent, 1))
    w = lambert_w0((decay * b_over_a).exp_().mul_(-decay * threshold).div_(a))
    return _Crossing(silent, b_over_a - w / decay, a, b_over_a, w)


def _first(reached: Tensor) -> Tensor:
    """Return the first index that holds, along the second dimension; the last one if none does."""
    # Several times faster than argmax, which goes through the memory crosswise.
    indexes = torch.arange(reached.shape[1], dtype=torch.int32, device=reached.device)[:, None]
    return torch.where(reached, indexes, indexes[-1]).amin(1, keepdim=True).long()


def _gradient_of_weights(
    spikes: Sequence[Tensor], weights: Tensor, crossing: _Crossing, flatness: Tensor, gradient: Tensor, neuron: Neuron
) -> Tensor:
    """dt/dw_j = -exp(tau t_j) (t - t_j) / (A (1 + W)), times the gradient of t, summed over the examples."""
    times, order, grown = spikes
    # An input outside the causal set is no earlier than the spike, so that the bound of 0 leaves it out.
    steps = (crossing.times[:, None] - times).clamp_(min=0)
    steps.mul_(grown).mul_(flatness[:, None]).clamp_(max=neuron.clip).mul_(-gradient[:, None])
    return torch.zeros_like(weights).index_add_(0, order.flatten(), steps.flatten(end_dim=1))


def _gradient_of_times(
    times: Tensor, weights: Tensor, crossing: _Crossing, flatness: Tensor, gradient: Tensor, neuron: Neuron
) -> Tensor:
    """dt/dt_j = w_j exp(tau t_j) (tau (t_j - B/A) + W + 1) / (A (1 + W)), times that of t, summed over the neurons."""
    later = crossing.times[:, None]
    times = times[:, :, None]
    causal = times < later
    times = torch.where(causal, times, 0)
    steps = (times - crossing.b_over_a[:, None]).mul_(neuron.decay).add_(1 + crossing.w[:, None])
    steps.mul_((neuron.decay * times).exp_()).mul_(weights).mul_(flatness[:, None])
    return steps.clamp_(-neuron.clip, neuron.clip).mul_(causal).mul_(gradient[:, None]).sum(2)
