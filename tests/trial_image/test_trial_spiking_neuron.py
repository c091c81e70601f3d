"""The arithmetic of spiking neurons against SciPy, against the published loop over inputs, and against differences."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import lambertw
from torch import Tensor

from evonas_trial.spiking import neuron as neurons
from evonas_trial.spiking.lambert import lambert_w0
from evonas_trial.spiking.neuron import Neuron, SpikesTooFarApart, spike_times
from tests.tier import examples

NONE = torch.empty(0, dtype=torch.float64)
FREE = 1e30  # a clip that clips nothing


def doubles(*rows: object) -> Tensor:
    return torch.tensor(rows if len(rows) > 1 else rows[0], dtype=torch.float64)


def potential(time: float, times: list[float], weights: list[float], decay: float) -> float:
    gone = [(weight, time - start) for weight, start in zip(weights, times, strict=True) if start <= time]
    return sum(weight * passed * math.exp(-decay * passed) for weight, passed in gone)


def one_by_one(times: list[float], weights: list[float], neuron: Neuron) -> float:
    """The published rule for one neuron, input after input, in plain Python."""
    a = b = 0.0
    spike = math.inf
    for time, weight in sorted(zip(times, weights, strict=True)):
        if spike <= time:
            return spike
        spike = math.inf
        a += weight * math.exp(neuron.decay * time)
        b += weight * time * math.exp(neuron.decay * time)
        # Where the exponential below overflows, the threshold is out of reach.
        if a <= 0 or neuron.decay * b / a > 700:
            continue
        argument = -neuron.decay * neuron.threshold / a * math.exp(neuron.decay * b / a)
        if argument >= -1 / math.e:
            found = b / a - lambertw(argument).real / neuron.decay
            spike = found if found >= time else math.inf
    return spike


class TestLambert:
    def test_it_is_scipys(self) -> None:
        branch = -1 / math.e + numpy.logspace(-15, -1, 2000)
        z = numpy.concatenate([numpy.linspace(-0.3678, 0, 20_001), branch[branch < 0], -numpy.logspace(-300, -1, 500)])
        error = numpy.abs(lambert_w0(torch.from_numpy(z)).numpy() - lambertw(z).real)
        # Beside the branch point W itself is known to the root of the precision only.
        assert (error <= 4e-16 / numpy.maximum(numpy.sqrt(2 * (math.e * z + 1)), 1e-9) + 1e-15).all()

    def test_below_the_branch_point_it_stays_at_minus_one(self) -> None:
        assert lambert_w0(doubles([-1 / math.e, -0.3679, -5.0])).tolist() == pytest.approx([-1] * 3, abs=1e-7)


class TestSpikeTimes:
    @pytest.mark.parametrize(
        ("times", "weights", "says"),
        [
            ([0.0], [math.e], "touches the threshold at its only maximum"),
            ([0.0], [2.0], "too weak to spike"),
            ([math.inf], [9.0], "no input"),
            ([0.5], [9.0], "one strong input"),
            ([0.0, 0.0, 0.0], [2.0, 2.0, 2.0], "inputs at one time"),
            ([0.0, 0.2], [4.0, -9.0], "inhibited before it spikes"),
            ([0.0, 0.4], [4.0, -9.0], "inhibited after it has spiked"),
            ([0.0, 0.3, 0.6], [3.5, -3.0, 9.0], "inhibited, then excited"),
            ([0.0, 9.0], [2.0, 4.0], "the first input forgotten when the second comes"),
            ([0.0, 5.0], [3.0, 8.0], "a spike at the peak between two inputs"),
        ],
    )
    def test_single_neurons_follow_the_published_rule(
        self, times: list[float], weights: list[float], says: str
    ) -> None:
        neuron = Neuron(decay=1.0, threshold=0.999999, clip=FREE)
        (found,) = spike_times(doubles(times)[None], NONE, doubles(weights)[:, None], neuron).times.flatten().tolist()
        assert found == pytest.approx(one_by_one(times, weights, neuron), abs=1e-9), says

    @given(st.data())
    def test_a_batch_is_what_its_neurons_are_one_by_one(self, data: st.DataObject) -> None:
        inputs, pulses, outputs = (data.draw(st.integers(low, 5)) for low in (1, 0, 1))
        # A grid makes equal times frequent.
        moment = st.integers(0, 40).map(lambda steps: steps / 10) | st.floats(0, 5)
        rows = st.lists(moment | st.just(math.inf), min_size=inputs, max_size=inputs)
        examples = data.draw(st.lists(rows, min_size=1, max_size=4))
        pulse_times = data.draw(st.lists(moment, min_size=pulses, max_size=pulses))
        weight = st.floats(-4, 8).map(lambda value: round(value, 3))
        columns = [data.draw(st.lists(weight, min_size=outputs, max_size=outputs)) for _ in range(inputs + pulses)]
        neuron = Neuron(data.draw(st.floats(0.1, 2)), data.draw(st.floats(0.1, 1.5)), FREE)
        found = spike_times(doubles(examples), NONE.new_tensor(pulse_times), doubles(columns), neuron).times
        for example, own in zip(examples, found.tolist(), strict=True):
            for number, spike in enumerate(own):
                times, weights = [*example, *pulse_times], [row[number] for row in columns]
                expected = one_by_one(times, weights, neuron)
                if (spike, expected) == (math.inf, math.inf):
                    continue
                # Where a potential only just touches the threshold, rounding decides.
                for nearby in (spike, expected):
                    assume(nearby == math.inf or _slope(nearby, times, weights, neuron.decay) > 1e-4)
                assert spike == pytest.approx(expected, abs=1e-6)
                assert potential(spike, times, weights, neuron.decay) == pytest.approx(neuron.threshold, abs=1e-6)

    def test_a_batch_in_parts_is_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        torch.manual_seed(0)
        inputs, pulses, weights = torch.rand(7, 5), torch.rand(2, requires_grad=True), torch.rand(7, 3) * 4
        neuron = Neuron(0.5, 1.0, 100.0)
        whole = spike_times(inputs, pulses, weights, neuron).times
        monkeypatch.setitem(neurons.MAX_ELEMENTS, "cpu", 50)
        parts = spike_times(inputs, pulses, weights, neuron).times
        assert torch.equal(whole, parts)
        of_whole, of_parts = (torch.autograd.grad(spikes.sum(), pulses)[0] for spikes in (whole, parts))
        assert torch.allclose(of_whole, of_parts)

    def test_spikes_beyond_the_exponentials_are_refused(self) -> None:
        inputs, neuron = torch.tensor([[0.0, 100.0], [1.0, 2.0]]), Neuron(2.0, 1.0, FREE)
        span = spike_times(inputs, torch.empty(0), torch.ones(2, 1), neuron).span.item()
        with pytest.raises(SpikesTooFarApart, match=r"two spikes of one example are 100 apart; .* 40 can be computed"):
            neuron.refuse(span, inputs.dtype)
        neuron.refuse(spike_times(inputs[1:], torch.empty(0), torch.ones(2, 1), neuron).span.item(), inputs.dtype)

    @pytest.mark.parametrize("most", [3, 4, 9])
    def test_a_bound_on_the_spikes_of_an_example_changes_nothing(self, most: int) -> None:
        torch.manual_seed(0)
        inputs = torch.where(torch.rand(9, 5) > 0.5, torch.rand(9, 5), math.inf)
        inputs = torch.where(inputs.isfinite().cumsum(1) > 3, math.inf, inputs)
        given = [inputs.requires_grad_(), torch.rand(2, requires_grad=True), torch.rand(7, 3).mul_(2).requires_grad_()]
        neuron = Neuron(0.5, 1.0, 100.0)
        counted, bounded = (spike_times(given[0], given[1], given[2], neuron, bound) for bound in (None, most))
        assert torch.equal(counted.times, bounded.times)
        assert torch.equal(counted.span, bounded.span)
        assert 0 < counted.times.isfinite().sum() < counted.times.numel()
        ours, theirs = (
            torch.autograd.grad(fired.times.masked_fill(fired.times.isinf(), 0).sum(), given)
            for fired in (counted, bounded)
        )
        assert all(map(torch.equal, ours, theirs))

    def test_only_distances_in_time_count(self) -> None:
        late = torch.tensor([[1000.0, 1000.5]])
        found = spike_times(late, torch.empty(0), torch.full((2, 1), 3.0), Neuron(1.0, 1.0, FREE)).times
        assert found.item() == pytest.approx(1000 + one_by_one([0, 0.5], [3, 3], Neuron(1.0, 1.0, FREE)), abs=1e-3)


class TestDerivatives:
    @settings(max_examples=examples(15))
    @given(st.integers(0, 10_000), st.floats(0.1, 2), st.floats(0.1, 1.5))
    def test_they_are_the_differences(self, seed: int, decay: float, threshold: float) -> None:
        random = torch.Generator().manual_seed(seed)
        inputs, pulses, weights = (
            torch.rand(*shape, dtype=torch.float64, generator=random) for shape in ((2, 5), (2,), (7, 3))
        )
        inputs, weights = inputs * 3, weights * 6 - 1.5
        self.compare(inputs, pulses, weights, Neuron(decay, threshold, FREE))

    @pytest.mark.parametrize("gap", [-5e-4, 5e-4], ids=["just after the spike", "just before the spike"])
    def test_they_are_the_differences_on_both_sides_of_a_change_of_the_causal_set(self, gap: float) -> None:
        neuron = Neuron(0.7, 1.1, FREE)
        spike = one_by_one([0.1, 0.3], [2.0, 3.0], neuron)
        # The third input comes within 5e-4 of the spike that the other two cause.
        inputs, weights = doubles([[0.1, 0.3, spike - gap]]), doubles([[2.0], [3.0], [5.0]])
        causal = spike_times(inputs, NONE, weights, neuron).times.item() > inputs[0, 2].item()
        assert causal == (gap > 0)
        assert self.compare(inputs, NONE, weights, neuron) == 1

    def test_a_change_of_the_causal_set_bends_the_spike_time_and_does_not_break_it(self) -> None:
        neuron = Neuron(0.7, 1.1, FREE)
        border = one_by_one([0.1, 0.3], [2.0, 3.0], neuron)
        gradients = []
        for weight in (3 - 1e-7, 3 + 1e-7):
            weights = doubles([[2.0], [weight], [5.0]]).requires_grad_()
            spike = spike_times(doubles([[0.1, 0.3, border]]), NONE, weights, neuron).times
            gradients.append(torch.autograd.grad(spike.sum(), weights)[0][:, 0])
            assert spike.item() == pytest.approx(border, abs=1e-6)
        late, early = gradients
        # Only the weaker of the two lets the spike wait for the third input, which makes the potential steeper by 5.
        assert late[2].item() != 0 == early[2].item()
        slope = _slope(border, [0.1, 0.3], [2.0, 3.0], neuron.decay)
        assert (late / early)[:2].tolist() == pytest.approx([slope / (slope + 5)] * 2, rel=1e-5)

    def test_silent_neurons_and_later_inputs_have_none(self) -> None:
        weights = doubles([9.0, 0.1], [9.0, 0.1]).requires_grad_()
        inputs = doubles([[0.0, 3.0]]).requires_grad_()
        spikes = spike_times(inputs, NONE, weights, Neuron(1.0, 1.0, FREE)).times
        assert spikes[0, 1] == math.inf
        torch.autograd.backward(spikes, torch.ones_like(spikes))
        assert weights.grad is not None
        assert inputs.grad is not None
        assert weights.grad[0, 0] < 0
        assert weights.grad[1].tolist() == weights.grad[:, 1].tolist() == [0, 0]
        assert inputs.grad.tolist() == [[pytest.approx(1), 0]]

    def test_they_are_clipped_where_the_potential_touches_the_threshold(self) -> None:
        weights = doubles([[math.e * (1 + 1e-12)]]).requires_grad_()
        inputs = doubles([[0.0]]).requires_grad_()
        spikes = spike_times(inputs, NONE, weights, Neuron(1.0, 1.0, 50.0)).times
        torch.autograd.backward(spikes.sum() * 2)
        assert spikes.item() == pytest.approx(1, abs=1e-5)
        assert weights.grad is not None
        assert weights.grad.item() == -100

    def compare(self, inputs: Tensor, pulses: Tensor, weights: Tensor, neuron: Neuron) -> int:
        """Check all derivatives of spike times against central differences, to 1e-6; return for how many neurons."""
        checked = 0
        given = tuple(tensor.clone().requires_grad_() for tensor in (inputs, pulses, weights))
        spikes = spike_times(given[0], given[1], given[2], neuron).times
        fired = spikes.isfinite()
        times = torch.cat([inputs, pulses.expand(len(inputs), -1)], dim=1)
        for (example, number), spike in zip(fired.nonzero().tolist(), spikes[fired].tolist(), strict=True):
            own, column = times[example].tolist(), weights[:, number].tolist()
            # Differences need room: no input so near that a step changes the causal set, no grazing of the threshold.
            if min(abs(spike - time) for time in own) < 5e-5 or _slope(spike, own, column, neuron.decay) < 0.5:
                continue
            checked += 1
            exact = torch.autograd.grad(spikes[example, number], given, retain_graph=True)

            def spike_of(
                inputs: Tensor, pulses: Tensor, weights: Tensor, at: tuple[int, int] = (example, number)
            ) -> Tensor:
                return spike_times(inputs, pulses, weights, neuron).times[at]

            for ours, differences in zip(exact, _differences(spike_of, inputs, pulses, weights), strict=True):
                assert torch.allclose(ours, differences, rtol=1e-6, atol=1e-7)
        return checked


def _slope(time: float, times: list[float], weights: list[float], decay: float) -> float:
    """How fast the potential rises just before a moment."""
    gone = [(weight, time - start) for weight, start in zip(weights, times, strict=True) if start < time]
    return sum(weight * (1 - decay * passed) * math.exp(-decay * passed) for weight, passed in gone)


def _differences(function: Callable[..., Tensor], *at: Tensor, step: float = 1e-6) -> list[Tensor]:
    """Five-point central differences of a function of tensors whose value is one number."""
    found = [torch.zeros_like(tensor) for tensor in at]
    for position, tensor in enumerate(at):
        for index in range(tensor.numel()):
            values = []
            for factor in (-2, -1, 1, 2):
                moved = [one.clone() for one in at]
                moved[position].view(-1)[index] += factor * step
                values.append(function(*moved).item())
            difference = values[0] - 8 * values[1] + 8 * values[2] - values[3]
            found[position].view(-1)[index] = difference / (12 * step)
    return found
