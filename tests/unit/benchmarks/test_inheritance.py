"""``bench.inheritance`` copies the weights that it says, and its tables show what its searches found."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from bench.inheritance.__main__ import rows
from bench.inheritance.problems import GUESSING, problem
from bench.inheritance.searches import CONTESTANTS, POINTS, SCRATCH, Search, leader
from bench.inheritance.weights import inherit
from evonas.space import Value

SEARCH = Search("", [0.5] * POINTS, [0.6] * POINTS, trials=20, children=10, inherited=0.5, generations=3, seconds=1.0)


def perceptron(hidden: int, *, value: float) -> nn.Sequential:
    """Return a network whose parameters all have one value."""
    made = nn.Sequential(nn.Linear(4, hidden), nn.BatchNorm1d(hidden), nn.Linear(hidden, 2))
    with torch.no_grad():
        for weights in made.parameters():
            weights.fill_(value)
    return made


def test_a_child_of_the_same_shape_starts_as_its_parent_ended() -> None:
    parent, child = perceptron(3, value=1), perceptron(3, value=0)
    parent(torch.rand(8, 4))
    assert inherit(child, parent.state_dict(), slices=False) == 1
    assert all(torch.equal(own, parent.state_dict()[name]) for name, own in child.state_dict().items())


def test_a_child_changes_nothing_of_its_parent() -> None:
    parent, child = perceptron(3, value=1), perceptron(3, value=0)
    inherit(child, parent.state_dict(), slices=False)
    with torch.no_grad():
        child.state_dict()["0.weight"].fill_(2)
    assert (parent.state_dict()["0.weight"] == 1).all()


@pytest.mark.parametrize("hidden", [2, 5])
def test_only_what_fits_is_inherited(hidden: int) -> None:
    """Of the tensors of a network of another width, that is the bias of its outputs."""
    child = perceptron(hidden, value=0)
    share = inherit(child, perceptron(3, value=1).state_dict(), slices=False)
    found = child.state_dict()
    assert (found["2.bias"] == 1).all()
    assert (found["0.weight"] == 0).all()
    assert share == pytest.approx(2 / sum(weights.numel() for weights in child.parameters()))


@pytest.mark.parametrize("hidden", [2, 5])
def test_slices_are_the_channels_that_both_have(hidden: int) -> None:
    child, both = perceptron(hidden, value=0), min(3, hidden)
    inherit(child, perceptron(3, value=1).state_dict(), slices=True)
    inside, outside = child.state_dict()["0.weight"], child.state_dict()["2.weight"]
    assert (inside[:both] == 1).all()
    assert (inside[both:] == 0).all()
    assert (outside[:, :both] == 1).all()
    assert (outside[:, both:] == 0).all()


def test_a_kernel_of_another_size_is_no_slice() -> None:
    small, large = nn.Conv2d(2, 2, 3, bias=False), nn.Conv2d(2, 2, 5, bias=False)
    assert inherit(large, small.state_dict(), slices=True) == 0


def test_a_trained_parent_is_a_head_start() -> None:
    subject = problem("digits-mlp")
    decisions: dict[str, Value] = {"hidden_size": 48, "optimizer": "Adam", "learning_rate": 0.003, "batch_size": 64}
    first = subject.train(decisions, 1, 1)
    again = subject.train(decisions, 1, 2, first.model.state_dict())
    assert first.accuracy is not None
    assert again.accuracy is not None
    assert (first.inherited, again.inherited) == (0, 1)
    assert again.accuracy > first.accuracy
    assert subject.train(decisions, 1, 1).accuracy == first.accuracy


def test_the_leader_is_the_last_that_took_the_lead_by_then() -> None:
    changes = [(3, (0,), 0.5), (6, (1,), 0.7)]
    assert leader(changes, 2) == (None, GUESSING)
    assert leader(changes, 3) == ((0,), 0.5)
    assert leader(changes, 5) == ((0,), 0.5)
    assert leader(changes, 100) == ((1,), 0.7)


def test_the_table_says_when_others_reach_what_scratch_ends_at() -> None:
    quick = replace(SEARCH, worth=[0.4] * 2 + [0.6] * (POINTS - 2))
    slow = replace(SEARCH, worth=[0.4] * POINTS)
    others = {label: [slow, slow] for label in CONTESTANTS if label != SCRATCH}
    table = rows({SCRATCH: [SEARCH, SEARCH], **others, "inherit": [quick, quick]}, trainings=20)
    by_label = {row["trainings"]: row for row in table}
    until = "until scratch's 50.00"
    assert by_label[SCRATCH]["after 20"] == "50.00 (0.00)"
    assert by_label["inherit"][until] == "6 [6, 6]"
    assert by_label["scratch, 1/3"][until] == "never [20, 20]"
