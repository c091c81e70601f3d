"""What the commands say of a search with several objectives: there is no best candidate, but a front."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from evonas.domination import dominates
from evonas.local.journal import open_journal
from evonas.recorded.search import RecordedSearch, overview_of
from evonas.search.objective import oriented_values, values_of
from evonas.search.trial import ProposalRecord
from evonas.sources.journal import JournalSource
from evonas.spec import SearchSpec
from tests.unit.commands.conftest import Evonas
from tests.unit.commands.test_mlflow import runs
from tests.unit.search.fronts import THREE, TWO, front_body, front_trials, write_front
from tests.unit.search.simulation import write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_front(tmp_path_factory.mktemp("runs"), "two", confirm={"top": 2, "repeats": 3})


@pytest.fixture(scope="module")
def record(run: Path) -> RecordedSearch:
    return JournalSource(run).read()


def test_best_prints_the_front(evonas: Evonas, run: Path, record: RecordedSearch) -> None:
    code, out, err = evonas("best", str(run))
    front = record.totals.front
    assert (code, err) == (0, "")
    first, *rows = (line.split() for line in out.splitlines() if line.strip())
    accuracy, latency = front.reference or ()
    assert " ".join(first) == (
        f"{len(front)} trials on the front, hypervolume {front.hypervolume:.6g} measured from accuracy {accuracy:.6g}"
        f" (the worst so far), latency_ms {latency:.6g} (the worst so far)"
    )
    assert rows[0] == ["trial", "accuracy", "latency_ms", "depth", "width", "kernel", "activation"]
    assert [int(row[0]) for row in rows[2:]] == [trial.index for trial in front.members]
    confirmed = [row for row in rows[2:] if "±" in row]
    assert {int(row[0]) for row in confirmed} == set(record.totals.confirmations)


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_best_prints_the_front_for_programs(evonas: Evonas, run: Path, record: RecordedSearch, form: str) -> None:
    found = (json.loads if form == "json" else yaml.safe_load)(evonas("best", str(run), "-o", form)[1])
    front = record.totals.front
    assert (found["size"], found["hypervolume"]) == (len(front), front.hypervolume)
    assert tuple(found["reference"].values()) == front.reference
    assert [tuple(member["values"].values()) for member in found["members"]] == front.values
    assert [member["decisions"] for member in found["members"]] == [dict(trial.decisions) for trial in front.members]
    confirmed = {member["trial"]: member["confirmed"] for member in found["members"] if "confirmed" in member}
    assert set(confirmed) == set(record.totals.confirmations)
    for index, said in confirmed.items():
        runs = record.totals.confirmations[index].values()
        assert said["runs"] == len(runs) == 3
        assert said["means"]["latency_ms"] == pytest.approx(sum(run.metrics["latency_ms"] for run in runs) / 3)


def test_best_prints_the_one_that_is_preferred_as_it_prints_a_best_one(
    evonas: Evonas, run: Path, record: RecordedSearch
) -> None:
    code, out, err = evonas("best", str(run), "--prefer", "accuracy>=0.85,min:latency_ms")
    members = [trial for trial in record.totals.front.members if trial.metrics["accuracy"] >= 0.85]
    chosen = min(members, key=lambda trial: trial.metrics["latency_ms"])
    assert (code, json.loads(out)) == (0, dict(chosen.decisions))
    assert err == (
        f"trial {chosen.index} with accuracy {chosen.reward:.6g}, latency_ms {chosen.metrics['latency_ms']:.6g}\n"
    )
    lines = evonas("best", str(run), "--prefer", "knee", "-o", "env")[1]
    assert "EVONAS_D_DEPTH=" in lines
    top = evonas("best", str(run), "--prefer", "max:accuracy")[2]
    assert "; confirmed in 3 runs: accuracy 0." in top
    assert "±" in top


def test_best_of_several_objectives_does_not_choose_by_itself(evonas: Evonas, run: Path) -> None:
    for form in ("env", "pod"):
        code, out, err = evonas("best", str(run), "-o", form)
        assert (code, out) == (2, "")
        assert f"-o {form} prints one: say which by --prefer knee, --prefer RULE or --trial" in err
    code, _, err = evonas("best", str(run), "--prefer", "knee", "--trial", "1")
    assert (code, "--prefer and --trial both say" in err) == (2, True)
    assert evonas("best", str(run), "--trial", "1")[0] == 0


def test_best_says_why_there_is_no_front(evonas: Evonas, tmp_path: Path) -> None:
    bad = [{**TWO[0], "reference": 0.99}, TWO[1]]
    folder = write_front(tmp_path, "bad", objectives=bad)
    accuracy, latency = JournalSource(folder).read().totals.front.best or ()
    said = f"best accuracy {accuracy:.6g} (reference 0.99), best latency_ms {latency:.6g} (no reference)"
    code, _, err = evonas("best", str(folder))
    assert (code, err) == (
        2,
        f"error: {tmp_path}/bad has no front: no trial is as good as every reference: {said}\n",
    )
    code, _, err = evonas("best", str(write_front(tmp_path, "new", count=1, objectives=TWO)), "--prefer", "knee")
    assert code == 0
    code, _, err = evonas("best", str(tmp_path / "bad"), "--prefer", "knee")
    assert (code, "no front: no trial is as good as every reference" in err) == (2, True)
    assert f"empty: {said}" in " ".join(evonas("watch", str(folder))[1].split())


def test_best_picks_among_the_results_of_one_objective(evonas: Evonas, tmp_path: Path) -> None:
    run = str(write_front(tmp_path, "one", objectives=TWO[:1]))
    trials = JournalSource(Path(run)).read().trials
    small = min(
        (trial for trial in trials if (trial.reward or 0) >= 0.85),
        key=lambda trial: (trial.metrics["parameters"], -(trial.reward or 0)),
    )
    code, out, _ = evonas("best", run, "--prefer", "accuracy>=0.85,min:parameters")
    assert (code, json.loads(out)) == (0, dict(small.decisions))


def test_get_lists_the_front_where_there_is_no_best_trial(evonas: Evonas, run: Path, record: RecordedSearch) -> None:
    write_run(run.parent, "one")
    heading, *lines = (
        line.split() for line in evonas("get", "--runs", str(run.parent))[1].splitlines() if line.strip()
    )
    assert " ".join(heading) == "name phase agent done running failed best trial front hypervolume GPU h"
    cells = {line[0]: line for line in lines}
    front = record.totals.front
    assert cells["two"][6:10] == ["-", "-", str(len(front)), f"{front.hypervolume:.6g}"]
    assert cells["one"][8:10] == ["-", "-"]
    assert float(cells["one"][6]) > 0
    assert "accuracy, latency_ms" in evonas("get", "--runs", str(run.parent), "-o", "wide")[1]


def test_get_shows_the_values_of_every_objective(evonas: Evonas, run: Path, record: RecordedSearch) -> None:
    lines = [line.split() for line in evonas("get", str(run))[1].splitlines()]
    assert ["trial", "origin", "state", "accuracy", "latency_ms", "ended", "decisions"] in lines
    first = record.trials[0]
    (line,) = (line for line in lines if line[:1] == ["0"])
    assert line[3:5] == [f"{first.metrics['accuracy']:.6g}", f"{first.metrics['latency_ms']:.6g}"]
    (failed,) = (line for line in lines if line[:1] == ["10"])
    assert failed[-6:-4] == ["-", "-"] or "-" in failed


def test_what_a_status_says_of_a_front_is_listed() -> None:
    body = front_body("far")
    assert (overview_of(body).front_size, overview_of(body).hypervolume) == (0, None)
    body["status"] = {"front": {"size": 7, "hypervolume": 1.5, "reference": {}, "members": []}}
    said = overview_of(body)
    assert (said.front_size, said.hypervolume, said.best, said.metric) == (7, 1.5, None, "accuracy")
    assert said.more_metrics == ("latency_ms",)


@pytest.mark.parametrize(
    "objectives", [TWO, THREE, ({**TWO[0], "reference": 0.7}, {**TWO[1], "reference": 12})], ids=["2", "3", "limited"]
)
def test_best_trials_of_an_optuna_study_are_the_front(evonas: Evonas, tmp_path: Path, objectives: Any) -> None:
    record = JournalSource(write_front(tmp_path, "two", objectives=objectives, confirm={"top": 2, "repeats": 1})).read()
    assert evonas("export", "two", "--optuna")[0] == 0
    study = optuna.load_study(study_name="two", storage=f"sqlite:///{tmp_path}/two.db")
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", *["MINIMIZE"] * (len(objectives) - 1)]
    front = dict(zip((trial.index for trial in record.totals.front.members), record.totals.front.values, strict=True))
    found = {trial.user_attrs["index"]: tuple(trial.values) for trial in study.best_trials}
    assert found == front
    names = [each["metric"] for each in objectives]
    assert study.user_attrs["evonas_metrics"] == study.metric_names == names
    assert {f"values_{name}" for name in names} <= set(study.trials_dataframe().columns)
    assert len(study.trials) == 60


def test_runs_in_mlflow_have_every_objective_and_say_whether_they_are_on_the_front(
    evonas: Evonas, tmp_path: Path
) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    body = front_body("grows", count=30)
    trials = front_trials(SearchSpec.parse(body), count=30)
    for known in (15, 30):
        journal = open_journal(tmp_path / "grows", body)
        for trial in trials[known - 15 : known]:
            journal.write(trial)
        journal.close()
        assert evonas("export", "grows", "--mlflow", uri)[0] == 0
        record = JournalSource(tmp_path / "grows").read()
        members = {trial.index for trial in record.totals.front.members}
        made = {int(run.data.tags["evonas.index"]): run.data for run in runs(uri, "grows")}
        assert len(made) == known
        for trial in record.trials:
            said, values = made[trial.index], values_of(record.spec.objectives, trial)
            if values is None:
                assert "evonas.front" not in said.tags
                continue
            assert said.tags["evonas.front"] == ("true" if trial.index in members else "false")
            assert (said.metrics["objective/accuracy"], said.metrics["objective/latency_ms"]) == values
            assert "reward" not in said.metrics


def test_explain_says_how_a_trial_stands_to_the_front(evonas: Evonas, run: Path, record: RecordedSearch) -> None:
    front = record.totals.front
    member = front.most_valuable(1)[0]
    out = evonas("explain", str(run), str(member.index))[1]
    assert f"Succeeded with accuracy {member.reward:.6g}, latency_ms" in out
    assert "on the front: no other trial dominates it, and it dominates " in out
    assert "without it, the hypervolume would be " in out
    assert "confirmed in 3 runs: accuracy " in out
    objectives = record.spec.objectives
    points = {
        trial.index: oriented_values(objectives, values)
        for trial in record.trials
        if not trial.is_confirmation and (values := values_of(objectives, trial)) is not None
    }
    members = [trial.index for trial in front.members]
    behind = next(index for index in points if index not in members)
    above = [index for index in members if dominates(points[index], points[behind])]
    out = evonas("explain", str(run), str(behind))[1]
    assert re.search(rf"behind \d+ fronts?: dominated by {len(above)} members? of the\s+front", out)
    for index in above[:3]:
        assert f"trial {index} is at least as good in every objective: accuracy " in out
    child = next(trial for trial in record.trials if trial.proposal.origin == "evolution")
    assert ", from which parents are drawn" in evonas("explain", str(run), str(child.index))[1].replace("\n", " ")


def test_explain_says_why_a_trial_is_on_no_front(evonas: Evonas, tmp_path: Path) -> None:
    limited = [TWO[0], {**TWO[1], "reference": 12}]
    folder = write_front(tmp_path, "limited", objectives=limited)
    trials = JournalSource(folder).read().trials
    slow = next(trial for trial in trials if trial.metrics.get("latency_ms", 0) > 12)
    assert (
        "on no front: it is worse than the reference, latency_ms 12" in evonas("explain", "limited", str(slow.index))[1]
    )
    journal = open_journal(tmp_path / "limited", front_body("limited", objectives=limited))
    first = JournalSource(folder).read().totals.front.members[0]
    twin = replace(first, index=60, sequence=100, proposal=ProposalRecord("random", None, (), 0))
    journal.write(twin)
    journal.close()
    said = evonas("explain", "limited", "60")[1]
    assert f"not on the front: trial {first.index}, recorded before it, has the same values" in said


def test_report_of_several_objectives_is_a_page_or_a_picture(evonas: Evonas, run: Path, tmp_path: Path) -> None:
    other = str(write_front(tmp_path, "other", seed=4))
    for words in ([str(run)], [str(run), other]):
        assert evonas("report", *words, "--to", "fronts.png")[0] == 0
        assert (tmp_path / "fronts.png").read_bytes().startswith(b"\x89PNG")
    assert evonas("report", str(run), other, "--to", "fronts.html")[0] == 0
    assert evonas("report", str(run), "--pareto", "accuracy", "energy_mj:min", "--to", "pair.html")[0] == 0
    assert "accuracy against energy_mj" in (tmp_path / "pair.html").read_text()
    found = json.loads(evonas("best", str(run), "--pareto", "latency_ms", "accuracy")[1])
    assert found[0]["metrics"]["latency_ms"] == min(item["metrics"]["latency_ms"] for item in found)
