"""The sampler that all agents share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from evonas.agents.neural.network import PolicyNetwork
from evonas.agents.policy import Policy, UniformPolicy
from evonas.agents.randomness import Purpose, uniforms, words
from evonas.agents.sources import WholeSamples, invert
from evonas.space import INACTIVE, SearchSpace
from tests.tier import examples

from .support import CONDITIONAL, counting_space, spaces

WORDS = [2_672_325_950_562_930_440, 7_430_193_390_216_688_821, 8_004_569_357_599_779_652]


def chi_square(counts: np.ndarray, expected: float) -> float:
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("kind", ["uniform", "untrained network"])
def test_before_training_every_value_is_equally_likely(kind: str) -> None:
    space = counting_space(10)
    policy: Policy = UniformPolicy(space) if kind == "uniform" else PolicyNetwork(space, 11, 32)
    source = WholeSamples(space, policy, 11, "policy")
    drawn = np.concatenate([source.draw(index).drawing.choices for index in range(100)])
    for position in range(10):
        # 9 degrees of freedom: 27.9 is exceeded once in 1,000.
        assert chi_square(np.bincount(drawn[:, position], minlength=10), 320) < 27.9
    pairs = np.bincount(drawn[:, 0] * 10 + drawn[:, 1], minlength=100)
    # 99 degrees of freedom: 148 is exceeded once in 1,000.
    assert chi_square(pairs, 32) < 148


def test_an_untrained_network_has_logits_of_exactly_zero() -> None:
    network = PolicyNetwork(CONDITIONAL, 2, 32)
    rollout = network.rollout(4)
    for position, count in enumerate(CONDITIONAL.cardinalities):
        assert (rollout.logits(position) == np.zeros((4, count))).all()
        rollout.append(position, np.zeros(4, np.int64), np.ones(4, bool))


@given(arrays.arrays(np.float64, st.integers(1, 8), elements=st.floats(-30, 30)))
def test_evenly_spread_numbers_fall_on_values_in_proportion_to_the_softmax(logits: np.ndarray) -> None:
    numbers = np.arange(5000) / 5000
    chosen, *_ = invert(np.tile(logits, (5000, 1)), numbers)
    softmax = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    shares = np.bincount(chosen, minlength=len(logits)) / 5000
    assert shares == pytest.approx(softmax, abs=1 / 2500)


def test_the_largest_number_below_one_falls_on_the_last_value() -> None:
    logits = np.zeros((1, 3))
    assert invert(logits, np.array([1 - 2.0**-53]))[0].tolist() == [2]
    assert invert(logits, np.array([0.0]))[0].tolist() == [0]


def test_a_value_of_no_weight_is_never_drawn() -> None:
    assert invert(np.array([[-1000.0, 0.0, -1000.0]]), np.array([0.0]))[0].tolist() == [1]


@given(spaces(), st.integers(0, 2**63 - 1), st.integers(0, 10**6))
@settings(max_examples=examples(50))
def test_every_draft_is_a_candidate_of_the_space(space: SearchSpace, seed: int, index: int) -> None:
    drafts = WholeSamples(space, UniformPolicy(space), seed, "random").draw(index)
    for choices, drawn in zip(drafts.drawing.choices.tolist(), drafts.drawing.drawn.tolist(), strict=True):
        assert space.to_choices(space.to_candidate(choices)) == tuple(choices)
        assert drawn == [choice != INACTIVE for choice in choices]


def test_streams_differ_by_seed_purpose_and_index() -> None:
    streams = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (2**63 - 1, 0, 0)]
    first = {words(seed, Purpose(purpose), index, 4).tobytes() for seed, purpose, index in streams}
    assert len(first) == len(streams)


def test_streams_are_those_of_philox() -> None:
    """Recorded searches depend on these words: they must outlive every release of NumPy and of this project."""
    assert words(7, Purpose.TOURNAMENTS, 3, 3).tolist() == WORDS
    assert uniforms(7, Purpose.TOURNAMENTS, 3, (3,)).tolist() == pytest.approx([word / 2**64 for word in WORDS])
