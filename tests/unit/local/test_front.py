"""Runs with several objectives through the command line: what they print, keep, take up again, import and reuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evonas.search.objective import values_of
from evonas.search.totals import Totals
from evonas.search.trial import Trial
from evonas.sources.journal import JournalSource
from tests.unit.local.runs import evonas, recorded, write_manifest

BOTH: list[dict[str, Any]] = [{"metric": "sum"}, {"metric": "product", "goal": "Minimize"}]
SCRIPT = """
sum=$((EVONAS_D_A1 + EVONAS_D_A2 + EVONAS_D_A3)) product=$((EVONAS_D_A1 * EVONAS_D_A2 * EVONAS_D_A4))
printf '{"metrics": {"sum": %s, "product": %s}}' $sum $product > $EVONAS_REPORT_FILE
"""
COMMAND = ("sh", "-c", SCRIPT)


def manifest(folder: Path, name: str = "here", objectives: list[dict[str, Any]] = BOTH, **spec: Any) -> str:
    more: dict[str, Any] = {"agent": {"type": "Random"}, "objectives": objectives, **spec}
    return str(write_manifest(folder, name, COMMAND, **more))


def front_of(folder: Path, name: str = "here") -> list[Trial]:
    record = JournalSource(folder / "runs" / name).read()
    return Totals(record.spec.objectives, record.trials).front.members


def test_run_prints_and_keeps_the_front_and_resumes(tmp_path: Path) -> None:
    said = evonas(tmp_path, "run", manifest(tmp_path))
    members = front_of(tmp_path)
    (shown,) = [line for line in said.splitlines() if "on the front" in line]
    assert shown.startswith(f"{len(members)} trial")
    assert "hypervolume" in shown
    assert "best" not in said
    assert "journal, plots, front and logs: " in said
    kept = json.loads((tmp_path / "runs" / "here" / "front.json").read_text())
    assert [member["trial"] for member in kept["members"]] == [member.index for member in members]
    assert not (tmp_path / "runs" / "here" / "best.json").exists()
    more = manifest(tmp_path, budget={"maxTrials": 9, "parallelTrials": 2})
    assert "9 total" in evonas(tmp_path, "run", more)
    assert len(recorded(tmp_path, "here")) == 9


def test_run_prints_the_same_front_as_best_into_a_file(tmp_path: Path) -> None:
    confirm = {"top": 3, "repeats": 2}
    said = evonas(tmp_path, "run", manifest(tmp_path, confirm=confirm, budget={"maxTrials": 8, "parallelTrials": 2}))
    assert ", 2 runs)" in said
    front = evonas(tmp_path, "best", "runs/here")
    assert "a1" in front
    assert front in said


def test_brackets_of_users_are_printed_as_they_are(tmp_path: Path) -> None:
    script = SCRIPT.replace('"sum"', '"sum[val]"').replace('"product"', '"product[/ms]"')
    objectives = [{"metric": "sum[val]"}, {"metric": "product[/ms]", "goal": "Minimize"}]
    space = [{"name": name, "values": [1, 2]} for name in ("A1", "A2", "A3", "A4")]
    body = {"objectives": objectives, "searchSpace": [*space, {"name": "layer", "values": ["[/conv]", "pool[max]"]}]}
    write_manifest(tmp_path, "here", ("sh", "-c", script), agent={"type": "Random"}, **body)
    said = evonas(tmp_path, "run", "here.yaml", "--runs", "runs[old]")
    assert "sum[val] " in said
    assert "product[/ms] " in said
    assert "[/conv]" in said
    assert "/runs[old]/here" in said
    assert (tmp_path / "runs[old]" / "here" / "front.json").exists()


def test_a_reason_with_brackets_is_printed_as_it_is(tmp_path: Path) -> None:
    says = "cannot open shared object [/usr/lib/libfoo.so]"
    write_manifest(tmp_path, "here", ("sh", "-c", f"echo '{says}'; exit 1"), budget={"maxTrials": 1})
    assert says in evonas(tmp_path, "run", "here.yaml", code=1)


def test_run_says_the_values_of_each_trial(tmp_path: Path) -> None:
    said = evonas(tmp_path, "run", manifest(tmp_path))
    for trial in recorded(tmp_path, "here"):
        (line,) = [line for line in said.splitlines() if f" trial {trial.index:>4}  " in line]
        assert f"  sum {trial.metrics['sum']:g}, product {trial.metrics['product']:g}  {{" in line


def test_run_ends_with_the_targets_and_confirms_the_most_valuable(tmp_path: Path) -> None:
    objectives = [{**BOTH[0], "target": 3}, {**BOTH[1], "target": 64}]
    confirm = {"top": 1, "repeats": 2}
    said = evonas(tmp_path, "run", manifest(tmp_path, objectives=objectives, confirm=confirm))
    assert "TargetReached: trial 0 reached the targets with sum " in said
    assert "2 runs" in said
    confirmations = [trial for trial in recorded(tmp_path, "here") if trial.is_confirmation]
    assert [trial.proposal.repeat for trial in confirmations] == [1, 2]


def test_run_with_nothing_as_good_as_the_references_fails_and_says_what_was_best(tmp_path: Path) -> None:
    said = evonas(tmp_path, "run", manifest(tmp_path, objectives=[{**BOTH[0], "reference": 99}, BOTH[1]]), code=1)
    said = " ".join(said.split())
    assert "FrontEmpty: no trial is as good as every reference: best sum " in said
    assert "(reference 99)" in said


def test_changed_objectives_are_refused_as_a_cluster_refuses_them(tmp_path: Path) -> None:
    evonas(tmp_path, "run", manifest(tmp_path))
    for changed in ([BOTH[1], BOTH[0]], [BOTH[0], {**BOTH[1], "reference": 5}]):
        said = evonas(tmp_path, "run", manifest(tmp_path, objectives=changed), code=2)
        assert "error: spec.objectives: is immutable" in said
    assert "is immutable, and [1].reference was not set and is now 5; rename the search" in said


def test_changed_objectives_are_told_what_differs_and_what_keeps_the_results(tmp_path: Path) -> None:
    evonas(tmp_path, "run", manifest(tmp_path))
    changed = [BOTH[0], {**BOTH[1], "reference": 80}]
    said = evonas(tmp_path, "run", manifest(tmp_path, objectives=changed), code=2)
    assert (
        "rename the search (with spec.warmStart.search: here it begins with 6 results of this one), or delete" in said
    )
    said = evonas(tmp_path, "run", manifest(tmp_path, "other", changed, warmStart={"search": "here"}))
    assert "6 results of runs/here were imported" in said
    opposite = [{**BOTH[0], "goal": "Minimize"}, BOTH[1]]
    said = evonas(tmp_path, "run", manifest(tmp_path, objectives=opposite), code=2)
    assert '[0].goal was "Maximize" and is now "Minimize"; rename the search, or delete' in said
    assert "warmStart" not in said


def test_warm_start_imports_the_values_of_all_objectives(tmp_path: Path) -> None:
    evonas(tmp_path, "run", manifest(tmp_path, "first"))
    evonas(tmp_path, "run", manifest(tmp_path, "here", warmStart={"search": "first"}))
    record = JournalSource(tmp_path / "runs" / "here").read()
    theirs = {tuple(trial.decisions.items()): trial for trial in recorded(tmp_path, "first")}
    imported = [trial for trial in record.trials if trial.imported is not None]
    assert len(imported) == 6
    for trial in imported:
        other = theirs[tuple(trial.decisions.items())]
        assert values_of(record.spec.objectives, trial) == values_of(record.spec.objectives, other)
    # By metric: one objective of several, in whatever place.
    single = manifest(tmp_path, "single", warmStart={"search": "first"}, objective=BOTH[1])
    text = Path(single).read_text()
    body = text[: text.index("  objectives:")] + text[text.index("  searchSpace:") :]
    Path(single).write_text(body)
    evonas(tmp_path, "run", single)
    rewards = [trial.reward for trial in recorded(tmp_path, "single") if trial.imported is not None]
    assert sorted(rewards, key=str) == sorted((trial.metrics["product"] for trial in theirs.values()), key=str)


def test_warm_start_from_a_search_with_another_goal_for_a_metric_names_it(tmp_path: Path) -> None:
    evonas(tmp_path, "run", manifest(tmp_path, "first"))
    other = [BOTH[0], {"metric": "product", "goal": "Maximize"}]
    said = evonas(tmp_path, "run", manifest(tmp_path, objectives=other, warmStart={"search": "first"}), code=2)
    assert "has the goal Minimize for product, this search has Maximize" in said


def test_warm_start_from_a_search_that_lacks_a_metric_names_it(tmp_path: Path) -> None:
    evonas(tmp_path, "run", manifest(tmp_path, "first"))
    third = [*BOTH, {"metric": "size", "goal": "Minimize"}]
    said = evonas(tmp_path, "run", manifest(tmp_path, objectives=third, warmStart={"search": "first"}), code=2)
    assert "its reward by this search's objective size is not known: the trial reported no metric 'size'" in said


def test_results_of_an_identical_search_are_reused_with_all_values(tmp_path: Path) -> None:
    evonas(tmp_path, "run", manifest(tmp_path, "first", reuseResults="Namespace"))
    said = evonas(tmp_path, "run", manifest(tmp_path, "here", reuseResults="Namespace"))
    assert "with the result of another run" in said
    first, here = recorded(tmp_path, "first"), recorded(tmp_path, "here")
    assert [(trial.reward, trial.metrics) for trial in first] == [(trial.reward, trial.metrics) for trial in here]
    assert all(trial.reused for trial in here)


@pytest.mark.parametrize("agent", ["Random", "EvoNAS"])
def test_knowledge_by_option_is_said_to_be_unused(tmp_path: Path, agent: str) -> None:
    evonas(tmp_path, "run", manifest(tmp_path, "first"))
    here = manifest(tmp_path, agent={"type": agent})
    said = " ".join(evonas(tmp_path, "run", here, "--knowledge", str(tmp_path / "runs" / "first")).split())
    assert "--knowledge is not used: it is for searches with one objective; a warm start imports earlier" in said


def test_what_is_read_in_the_output_is_every_metric(tmp_path: Path) -> None:
    script = "echo product=9; echo sum=-1; echo sum=$EVONAS_D_A1 product=$EVONAS_D_A2"
    template = {"spec": {"containers": [{"name": "trial", "image": "none", "command": ["sh", "-c", script]}]}}
    trial = {"report": {"from": "Logs"}, "template": template}
    evonas(tmp_path, "run", manifest(tmp_path, trial=trial))
    for ended in recorded(tmp_path, "here"):
        assert ended.metrics == {"sum": ended.decisions["a1"], "product": ended.decisions["a2"]}


def test_plan_says_what_the_objectives_are(tmp_path: Path) -> None:
    objectives = [{**BOTH[0], "target": 9}, {**BOTH[1], "target": 5, "reference": 20.5}]
    said = evonas(tmp_path, "plan", manifest(tmp_path, objectives=objectives), "--no-cluster")
    assert (
        "2 objectives, the result is their front: most sum (target 9), least product (target 5, reference 20.5)\n"
        in said
    )
