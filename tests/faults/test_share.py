"""Which part of the full tables a run of the tests takes."""

from __future__ import annotations

import pytest

from tests.share import Share, share

TABLE = list("abcdefghijk")


@pytest.mark.parametrize("shares", [1, 3, 8, 20])
def test_successive_commits_cover_everything_once(shares: int) -> None:
    turns = [turn for number in range(241, 241 + shares) for turn in Share(number, "").turns(shares)]
    assert sorted(case for turn in turns for case in TABLE[turn::shares]) == TABLE


def test_everything_may_be_asked_for() -> None:
    assert Share(None, "").turns(3) == [0, 1, 2]


def test_a_whole_history_is_counted_and_a_shallow_one_known_by_its_commit() -> None:
    assert share(commits="7", commit="000000ff23").turns(100) == [7]
    assert share(commits="1", commit="000000ff23", is_shallow=True).turns(100) == [55]


def test_a_checkout_without_git_takes_the_first_share() -> None:
    assert share().turns(8) == [0]
    assert "for want of git" in str(share())
