"""What the API says of searches is what their records say, and what the report derives."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from evonas.local.journal import JOURNAL_FILE
from evonas.recorded.search import RecordedSearch
from evonas.report.charts import built_charts
from evonas.report.html import render_report
from evonas.report.importance import find_importance
from evonas.report.policy import find_policy
from evonas.report.progress import improvements, lineage, origins, results_in_order
from evonas.search.confirmation import find_winner
from evonas.search.trial import TrialState
from evonas.sources.export import write_export
from evonas.sources.journal import JournalSource
from evonas.sources.live.places import ExportPlace
from harness.waiting import wait_for
from tests.page.searches import HOSTILE, write_hostile
from tests.unit.local.runs import evonas
from tests.unit.search.climbing import write_climb
from tests.unit.search.simulation import write_run
from tests.unit.ui.served import API, get, serving, serving_runs

NAMES = ("one", "other", "learned", "climbed", "paused", "limited")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("read") / "runs"
    write_run(runs, "one", labels={"team": "vision"})
    write_run(runs, "other", seed=1)
    write_run(runs, "learned", agent="EvoNAS")
    write_run(runs, "limited", constraints=[{"metric": "latency_ms", "max": 12}])
    write_climb(runs, "climbed", "Evolution", 40)
    write_climb(runs, "paused", "Evolution", 24, fidelity={"rungs": {"min": 1, "max": 9, "factor": 3}, "mode": "Pause"})
    return runs


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with serving_runs(folder, NAMES) as client:
        yield client


def record(folder: Path, name: str) -> RecordedSearch:
    return JournalSource(folder / name).read()


def test_a_line_is_the_overview(client: TestClient, folder: Path) -> None:
    listed = get(client, "/searches")
    assert listed["complete"]
    lines = {line["name"]: line for line in listed["searches"]}
    assert lines.keys() == {*NAMES}
    for name, line in lines.items():
        overview = record(folder, name).overview
        assert (line["phase"], line["agent"], line["counts"]) == (overview.phase, overview.agent, overview.counts)
        assert line["best"] == {"index": overview.best_index, "value": overview.best}
        assert line["trend"][-1] == overview.best
        assert (line["usesGpus"], line["gpuHours"]) == (overview.gpu_seconds > 0, overview.gpu_seconds / 3600)
        assert (line["origin"], line["namespace"], line["blocked"], line["problem"]) == ("run", None, None, None)
        assert line["reference"] == str(folder / name)
        assert line["says"]
    assert lines["one"]["labels"] == {"team": "vision"}


def test_nothing_is_said_twice_to_who_has_seen_it(client: TestClient) -> None:
    seen = get(client, "/searches")["revision"]
    assert get(client, "/searches", since=seen) == {"revision": seen, "complete": False, "searches": [], "gone": []}
    trials = get(client, "/searches/run:one/trials")
    later = get(client, "/searches/run:one/trials", since=trials["revision"])
    assert (later["complete"], later["total"], later["columns"]["index"]) == (False, trials["total"], [])
    # Another process has told of that revision.
    assert get(client, "/searches", since=1 << 40)["complete"]


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_the_trials(client: TestClient, folder: Path, name: str) -> None:
    told, trials = get(client, f"/searches/run:{name}/trials"), record(folder, name).trials
    columns = told["columns"]
    assert (told["total"], columns["index"]) == (len(trials), [trial.index for trial in trials])
    flat = [column for column in columns.values() if isinstance(column, list)]
    flat += [column for held in (columns["decisions"], columns["metrics"]) for column in held.values()]
    assert {len(column) for column in flat} == {len(trials)}
    for place, trial in enumerate(trials):
        found = {key: column[place] for key, column in columns.items() if isinstance(column, list)}
        assert found["state"] == trial.state
        assert (found["reward"], found["value"]) == (trial.reward, trial.last_value)
        assert found["step"] == (trial.rungs[-1].step if trial.rungs else None)
        assert (found["origin"], found["parent"]) == (trial.proposal.origin, trial.proposal.parent)
        assert (found["seconds"], found["gpuSeconds"]) == (trial.seconds, trial.gpu_seconds)
        decisions = {key: column[place] for key, column in columns["decisions"].items() if column[place] is not None}
        # As JSON: 1 and true are equal to Python.
        assert json.dumps(decisions, sort_keys=True) == json.dumps(dict(trial.decisions), sort_keys=True)
        metrics = {key: column[place] for key, column in columns["metrics"].items() if column[place] is not None}
        assert metrics == trial.metrics


@pytest.mark.parametrize("name", NAMES)
def test_details_are_of_the_declaration_and_of_what_came_of_it(client: TestClient, folder: Path, name: str) -> None:
    details, known = get(client, f"/searches/run:{name}"), record(folder, name)
    assert details["summary"] == next(
        line for line in get(client, "/searches")["searches"] if line["id"] == f"run:{name}"
    )
    assert [item["name"] for item in details["space"]] == [item.name for item in known.spec.space.decisions]
    winner = find_winner(known.spec, known.totals)
    assert details["winner"] == (winner.index if winner is not None else None)
    rungs = () if known.spec.fidelity is None else known.spec.fidelity.steps
    assert (details["rungs"], details["lastStep"]) == ([*rungs[:-1]], rungs[-1] if rungs else None)
    assert details["pauses"] is (name == "paused")
    assert f"name: {name}" in details["manifest"]
    conditional = {item["name"]: item["when"] for item in details["space"] if item["when"]}
    if name == "one":
        assert conditional == {"kernel": {"decision": "blocks", "values": [3]}}
    assert bool(details["constraints"]) is (name == "limited")


@pytest.mark.parametrize("name", NAMES)
def test_analysis_is_that_of_the_report(client: TestClient, folder: Path, name: str) -> None:
    told, known = get(client, f"/searches/run:{name}/analysis"), record(folder, name)
    results = results_in_order(known)
    assert told["results"] == len(results)
    importance = find_importance(known.spec.space, results)
    shares = (
        {} if told["importance"] is None else {item["decision"]: item["share"] for item in told["importance"]["shares"]}
    )
    assert shares == pytest.approx({} if importance is None else importance.shares)
    assert [(row["origin"], row["trials"], row["best"]) for row in told["origins"]] == [
        (row.name, row.trials, row.best) for row in origins(known)
    ]
    assert [(row["index"], row["gain"]) for row in told["improvements"]] == [
        (row.trial.index, row.gain) for row in improvements(known)
    ]
    assert sum(len(row["trials"]) for row in told["failures"]) == sum(
        trial.state in (TrialState.FAILED, TrialState.INFEASIBLE, TrialState.CANCELLED) for trial in known.trials
    )
    policy = find_policy(known)
    assert (told["policy"] is None) is (policy is None)
    if policy is not None:
        assert [moment["results"] for moment in told["policy"]["moments"]] == [item.rewards for item in policy.history]
        for moment in told["policy"]["moments"]:
            for decision in known.spec.space.decisions:
                shares = moment["probabilities"][decision.name]
                assert len(shares) == len(decision.values) + (decision.when is not None)
                assert sum(shares) == pytest.approx(1)
    assert (told["stopping"] is not None) is (name in ("climbed", "paused"))
    assert told["revision"] == get(client, f"/searches/run:{name}/trials")["revision"]


def test_a_trial_in_full(client: TestClient, folder: Path) -> None:
    known = record(folder, "paused")
    for trial in known.trials:
        told = get(client, f"/searches/run:paused/trials/{trial.index}")
        assert (told["name"], told["outcome"]) == (known.identity.trial_name(trial.index), trial.outcome)
        assert [step["index"] for step in told["lineage"]] == [step.trial.index for step in lineage(known, trial)]
        assert [rung["step"] for rung in told["rungs"]] == [rung.step for rung in trial.rungs]
        assert all(rung["decided"] for rung in told["rungs"])
        assert told["children"] == [other.index for other in known.trials if other.proposal.parent == trial.index]
        assert [attempt["number"] for attempt in told["attempts"]] == [attempt.number for attempt in trial.attempts]
    assert get(client, "/searches/run:paused/trials/0/curve")["steps"]


@pytest.mark.parametrize(("name", "index"), [("one", 20), ("learned", 20), ("climbed", 3)])
def test_an_explanation_is_that_of_the_command(client: TestClient, folder: Path, name: str, index: int) -> None:
    told = get(client, f"/searches/run:{name}/trials/{index}/explanation")
    assert told["problem"] is None
    said = evonas(folder, "explain", str(folder / name), str(index))
    assert _words(told["text"]) == _words(said)


def _words(text: str) -> list[str]:
    """Return a text without the lines of tables, which are as wide as the terminal."""
    return [word for word in text.split() if word.strip("─━")]


def test_searches_that_differ_in_their_seed_are_a_group(client: TestClient) -> None:
    told = get(client, "/comparison", id=["run:one", "run:other", "run:learned"])
    assert [group["searches"] for group in told["groups"]] == [["run:one", "run:other"], ["run:learned"]]
    pair, single = told["groups"]
    assert len(pair["averages"]) == len(pair["averageDeviations"]) == len(pair["bests"])
    assert single["averageDeviations"] == []


def test_searches_of_different_objectives_are_not_compared(tmp_path: Path) -> None:
    for name in ("most", "least"):
        journal = write_run(tmp_path / "runs", name, count=6) / JOURNAL_FILE
        search, *trials = map(json.loads, journal.read_text().splitlines())
        search["spec"]["objective"]["goal"] = "Minimize" if name == "least" else "Maximize"
        journal.write_text("".join(f"{json.dumps(line)}\n" for line in (search, *trials)))
    with serving_runs(tmp_path / "runs", ["most", "least"]) as client:
        for path in ("comparison", "report"):
            answer = client.get(f"{API}/{path}", params={"id": ["run:most", "run:least"]})
            assert answer.status_code == 409
            assert "the most accuracy, the least accuracy" in answer.json()["message"]


def test_a_report_is_a_file_to_keep(client: TestClient, folder: Path) -> None:
    answer = client.get(f"{API}/searches/run:one/report")
    assert answer.headers["content-disposition"] == 'attachment; filename="report-one.html"'
    assert answer.headers["content-type"].startswith("text/html")
    # But for the moment at which it was written.
    assert len(answer.text) == len(render_report([record(folder, "one")], charts=built_charts()))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/searches/run:none", 404),
        ("/searches/run:none/trials", 404),
        ("/searches/run:none/actions", 404),
        ("/searches/..%2Fone", 404),
        ("/searches/run:..%2Fone/trials", 404),
        ("/searches/run:one/trials/999", 404),
        ("/searches/run:one/trials/999/curve", 404),
        ("/searches/run:one/trials/x", 422),
        ("/searches/run:one/trials?since=-1", 422),
        ("/searches/run:one/trials/0/log", 409),
        ("/comparison", 422),
        ("/comparison?id=run:none", 404),
        ("/nothing", 404),
    ],
)
def test_what_is_not_there_is_a_problem_in_words(client: TestClient, path: str, code: int) -> None:
    answer = client.get(API + path)
    assert answer.status_code == code, answer.text
    assert len(answer.json()["message"]) > 10


def test_answers_are_packed_for_those_who_take_that(client: TestClient) -> None:
    packed, plain = (
        client.get(f"{API}/searches/run:one/trials", headers={"Accept-Encoding": accepted})
        for accepted in ("gzip", "gzip;q=0, identity")
    )
    assert (packed.headers.get("content-encoding"), plain.headers.get("content-encoding")) == ("gzip", None)
    assert packed.json() == plain.json()
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


def test_an_export_is_a_search_that_does_not_run(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    write_export(record(folder, "one"), path)
    with serving(ExportPlace(path)) as client:
        wait_for("the export", lambda: get(client, "/searches")["searches"])
        [line] = get(client, "/searches")["searches"]
        assert (line["origin"], line["reference"]) == ("export", str(path))
        assert get(client, f"/searches/{line['id']}/trials")["total"] == 30
        assert not any(item["allowed"] for item in get(client, f"/searches/{line['id']}/actions"))
        answer = client.get(f"{API}/searches/{line['id']}/trials/0/log")
        assert (answer.status_code, "holds no logs" in answer.json()["message"]) == (409, True)


def test_the_log_is_text_whatever_is_in_it(tmp_path: Path) -> None:
    write_hostile(tmp_path / "runs")
    with serving_runs(tmp_path / "runs", ["hostile"]) as client:
        logs = [client.get(f"{API}/searches/run:hostile/trials/{index}/log") for index in range(12)]
        told = [log for log in logs if log.status_code == 200]
        assert told
        for log in told:
            assert log.headers["content-type"] == "text/plain; charset=utf-8"
            assert log.headers["x-content-type-options"] == "nosniff"


def test_hostile_words_come_unharmed(tmp_path: Path) -> None:
    write_hostile(tmp_path / "runs")
    with serving_runs(tmp_path / "runs", ["hostile"]) as client:
        details = get(client, "/searches/run:hostile")
        assert {*details["summary"]["labels"].values()} == {*HOSTILE}
        columns = get(client, "/searches/run:hostile/trials")["columns"]
        assert any(text in said for said in columns["says"] for text in HOSTILE)
        for path in ("", "/trials", "/analysis", "/curves", "/actions", "/happenings", "/report"):
            assert client.get(f"{API}/searches/run:hostile{path}").status_code == 200, path


@pytest.mark.parametrize(
    "rewards",
    [(1.7e308, -1.7e308, 1.6e308), (-1.7e308, 1.7e308), (1e-299, 3e-299, 2e-299), (5e-324, 0.0), (1e16, 1e16 + 2)],
    ids=str,
)
def test_rewards_at_the_ends_of_what_a_float_holds_are_shown(tmp_path: Path, rewards: tuple[float, ...]) -> None:
    for seed, name in enumerate(("far", "further")):
        journal = write_run(tmp_path / "runs", name, seed=seed) / JOURNAL_FILE
        search, *trials = map(json.loads, journal.read_text().splitlines())
        for place, trial in enumerate(trials):
            if "reward" in trial.get("status", {}):
                reward = repr(rewards[place % len(rewards)])
                trial["status"] |= {"reward": reward, "metrics": {"accuracy": reward, "latency_ms": reward}}
        journal.write_text("".join(f"{json.dumps(line)}\n" for line in (search, *trials)))
    with serving_runs(tmp_path / "runs", ["far", "further"]) as client:
        found = get(client, "/searches/run:far/analysis")
        assert all(min(rewards) <= row["mean"] <= max(rewards) for row in found["origins"] if row["results"])
        assert all(row["gain"] is not None for row in found["improvements"])
        assert sum(row["share"] for row in found["importance"]["shares"]) in (pytest.approx(1), 0)
        compared = get(client, "/comparison", id=["run:far", "run:further"])["groups"][0]
        assert None not in [*compared["averages"], *compared["averageDeviations"], *compared["bests"]]
        for path in ("searches/run:far", "searches/run:far/trials/3", "searches/run:far/trials/3/explanation"):
            assert client.get(f"{API}/{path}").status_code == 200
        report = client.get(f"{API}/report", params={"id": ["run:far", "run:further"]})
        assert report.status_code == 200
        assert not re.search(r"[ ,>\"](nan|inf)[ ,<\"]", report.text)


def test_of_a_record_that_cannot_be_read_only_its_problem_is_told(tmp_path: Path) -> None:
    journal = write_run(tmp_path / "runs", "torn", count=6) / JOURNAL_FILE
    whole = journal.read_text()
    journal.write_text("no journal\n")
    with serving_runs(tmp_path / "runs", ["torn"]) as client:
        details = get(client, "/searches/run:torn")
        assert details["summary"]["phase"] is None
        assert details["summary"]["problem"] == details["summary"]["says"]
        assert "line 1 is damaged" in details["summary"]["problem"]
        trials = get(client, "/searches/run:torn/trials")
        assert (trials["total"], trials["complete"], trials["columns"]["index"]) == (0, True, [])
        for path in ("analysis", "report", "trials/0"):
            assert client.get(f"{API}/searches/run:torn/{path}").status_code == 409
        assert not any(permission["allowed"] for permission in get(client, "/searches/run:torn/actions"))
        journal.write_text(whole)
        wait_for("it to be read", lambda: get(client, "/searches/run:torn")["summary"]["phase"] == "Complete")
        assert get(client, "/searches/run:torn/trials", since=trials["revision"])["total"] == 6


def test_half_a_character_is_told_as_none(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "runs", "broken", count=6)
    journal = folder / JOURNAL_FILE
    search, *trials = map(json.loads, journal.read_text().splitlines())
    search["metadata"]["labels"] = {"half": "a\ud800b"}
    for body in trials:
        body["spec"]["decisions"] = {"wide": "\udfff", "rate": [1], "\ud83d": {"a": None}}
        body["status"]["message"] = "half \ud83d of it"
    journal.write_text("".join(f"{json.dumps(line)}\n" for line in (search, *trials)))
    with serving_runs(tmp_path / "runs", ["broken"]) as client:
        [line] = get(client, "/searches")["searches"]
        assert line["labels"] == {"half": "a\N{REPLACEMENT CHARACTER}b"}
        told: Any = get(client, "/searches/run:broken/trials")
        assert told["columns"]["says"][0].endswith("half \N{REPLACEMENT CHARACTER} of it")
        assert told["columns"]["decisions"]["rate"][0] == "[1]"
        assert get(client, "/searches/run:broken/trials/0")["decisions"]["rate"] == "[1]"
        for path in ("analysis", "report", "trials/0/explanation"):
            answer = client.get(f"{API}/searches/run:broken/{path}")
            assert (answer.status_code, "trial 0 is no candidate" in answer.json()["message"]) == (409, True)
