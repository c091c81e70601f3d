"""A pinned trial stays a parent however old it is; the record says so, and is replayed."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from evonas.errors import EvonasError
from evonas.local.requests.pinned import PINNED_FILE
from evonas.recorded.search import Phase, RecordedSearch
from evonas.sources.source import check_pin
from tests.unit.local.runs import evonas, recorded, write_manifest
from tests.unit.search.support import succeeded

AGENT = {"type": "Evolution", "warmup": 4, "evolution": {"population": 1}}


def test_a_pin_holds_until_it_is_removed_and_the_record_is_replayed(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "here", agent=AGENT, budget={"maxTrials": 5, "parallelTrials": 1})
    evonas(tmp_path, "run", str(manifest))
    best = max(recorded(tmp_path, "here")[:4], key=lambda trial: trial.reward or 0).index
    assert f"pinned trial {best}" in evonas(tmp_path, "pin", "runs/here", str(best))
    evonas(tmp_path, "run", str(manifest), "--max-trials", "12")
    trials = recorded(tmp_path, "here")
    assert all(trial.proposal.pinned == () for trial in trials[:5])
    assert all(trial.proposal.pinned == (best,) for trial in trials[6:])
    child = next(trial for trial in trials[6:] if trial.proposal.parent == best)
    said = evonas(tmp_path, "explain", "runs/here", str(child.index))
    assert f"mutation of trial {best} (pinned)" in said
    assert "of the 1 latest result and 1 pinned one," in " ".join(said.split())
    evonas(tmp_path, "pin", "runs/here", str(best), "--remove")
    evonas(tmp_path, "run", str(manifest), "--max-trials", "15")
    assert all(trial.proposal.pinned == () for trial in recorded(tmp_path, "here")[12:])
    assert "15 proposals" in evonas(tmp_path, "replay", "runs/here")


def test_what_cannot_be_pinned_is_told(tmp_path: Path) -> None:
    vetoed = "[ $EVONAS_INDEX -ne 1 ] || exit 65; exec python -m evonas_trial.counting"
    manifest = write_manifest(tmp_path, "here", ["sh", "-c", vetoed], agent=AGENT)
    evonas(tmp_path, "run", str(manifest))
    assert "trial 1 of runs/here is Infeasible" in evonas(tmp_path, "pin", "runs/here", "1", code=2)
    assert "has no trial 9" in evonas(tmp_path, "pin", "runs/here", "9", code=2)
    assert "trial 0 of runs/here is not pinned; none is" in evonas(
        tmp_path, "pin", "runs/here", "0", "--remove", code=2
    )
    evonas(tmp_path, "export", "runs/here", "--to", "here.jsonl")
    assert "is an export" in evonas(tmp_path, "pin", "here.jsonl", "0", code=2)
    (tmp_path / "runs" / "here" / PINNED_FILE).write_text('{"trial": 0}\n')
    assert "pinned.jsonl, line 1: not a pin" in evonas(tmp_path, "pin", "runs/here", "0", code=2)
    other = write_manifest(tmp_path, "other", agent={"type": "Random"})
    evonas(tmp_path, "run", str(other))
    assert "has the agent Random, which has no population" in evonas(tmp_path, "pin", "runs/other", "0", code=2)


@pytest.mark.parametrize(
    ("pinned", "said"), [((), "none is"), ((4,), "4 is"), ((3, 1), "1 and 3 are"), (range(16), "14 and 15 are")]
)
def test_what_is_pinned_is_told_in_good_english(pinned: Collection[int], said: str) -> None:
    record = RecordedSearch("runs/here", {}, tuple(succeeded(index, 0.5) for index in range(20)), Phase.RUNNING)
    with pytest.raises(EvonasError, match=rf"trial 18 of runs/here is not pinned; .*{said}$"):
        check_pin(record, pinned, 18, stays=False)
