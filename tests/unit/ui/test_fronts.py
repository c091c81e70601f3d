"""What the API says of searches with several objectives is what their records say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from evonas.domination import dominates
from evonas.local.journal import open_journal
from evonas.recorded.comparing import common_reference
from evonas.recorded.fronts import find_standings, grow, points_of, results_of
from evonas.recorded.search import RecordedSearch
from evonas.search.front import MAX_SHOWN
from evonas.search.objective import oriented_values, values_of
from evonas.sources.journal import JournalSource
from tests.unit.search.fronts import THREE, TWO, front_body, write_front
from tests.unit.search.simulation import write_run
from tests.unit.ui.served import API, get, serving_runs

NAMES = ("two", "again", "three", "referred", "confirmed")
FEW = ({"metric": "accuracy", "goal": "Maximize", "reference": 0.75, "target": 0.99}, TWO[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("fronts") / "runs"
    write_front(runs, "two", count=60)
    write_front(runs, "again", agent={"type": "Evolution", "seed": 7}, count=70)
    write_front(runs, "three", objectives=THREE, count=120)
    limited = {**TWO[1], "constraints": [{"metric": "latency_ms", "max": 12}]}
    write_front(runs, "referred", objectives=(FEW[0], limited), count=60)
    write_front(runs, "confirmed", count=40, confirm={"top": 2, "repeats": 3})
    write_run(runs, "single")
    open_journal(runs / "empty", front_body("empty")).close()
    return runs


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with serving_runs(folder, [*NAMES, "single", "empty"]) as client:
        yield client


def record(folder: Path, name: str) -> RecordedSearch:
    return JournalSource(folder / name).read()


@pytest.mark.parametrize("name", NAMES)
def test_a_search_has_a_front_and_no_best(client: TestClient, folder: Path, name: str) -> None:
    known, details = record(folder, name), get(client, f"/searches/run:{name}")
    front, line = known.totals.front, details["summary"]
    assert line == next(each for each in get(client, "/searches")["searches"] if each["name"] == name)
    assert (line["best"], details["winner"], details["recommended"]) == (None, None, None)
    assert [each["metric"] for each in line["objectives"]] == [each.name for each in known.spec.objectives]
    assert [each["minimize"] for each in line["objectives"]] == [each.minimize for each in known.spec.objectives]
    assert line["front"] == {"size": len(front), "hypervolume": front.hypervolume}
    assert line["trend"][-1] == pytest.approx(front.hypervolume)
    told = details["front"]
    assert (told["size"], told["hypervolume"]) == (len(front), front.hypervolume)
    assert told["reference"] == list(front.reference or ())
    places = front.cover()
    assert [each["index"] for each in told["members"]] == [front.members[place].index for place in places]
    assert [each["values"] for each in told["members"]] == [list(front.values[place]) for place in places]
    assert len(told["members"]) <= MAX_SHOWN
    assert bool(details["constraints"]) is (name == "referred")


@pytest.mark.parametrize("name", NAMES)
def test_ranks_are_those_of_all_results(client: TestClient, folder: Path, name: str) -> None:
    known, told = record(folder, name), get(client, f"/searches/run:{name}/ranks")
    objectives, results = known.spec.objectives, results_of(known.trials)
    ranks = find_standings(objectives, points_of(objectives, results)).tolist()
    assert told["index"] == [trial.index for trial in results]
    assert told["rank"] == [None if rank < 0 else rank for rank in ranks]
    steps = grow(objectives, known.trials)
    assert (told["results"], told["hypervolumes"]) == (list(steps.results), list(steps.volumes))
    assert told["revision"] == get(client, f"/searches/run:{name}/trials")["revision"]
    assert any(rank < 0 for rank in ranks) is (name == "referred")


@pytest.mark.parametrize("name", NAMES)
def test_columns_have_each_objective(client: TestClient, folder: Path, name: str) -> None:
    known, columns = record(folder, name), get(client, f"/searches/run:{name}/trials")["columns"]
    assert [*columns["objectives"]] == [each.name for each in known.spec.objectives]
    for place, trial in enumerate(known.trials):
        found = tuple(column[place] for column in columns["objectives"].values())
        values = values_of(known.spec.objectives, trial)
        assert found == values if values else found == tuple(trial.metrics.get(each) for each in columns["objectives"])


@pytest.mark.parametrize("name", ["two", "referred", "confirmed"])
def test_a_trial_says_what_keeps_it_from_the_front(client: TestClient, folder: Path, name: str) -> None:
    known = record(folder, name)
    objectives, front = known.spec.objectives, known.totals.front
    members = {trial.index for trial in front.members}
    for trial in known.trials:
        told = get(client, f"/searches/run:{name}/trials/{trial.index}")
        values = values_of(objectives, trial)
        assert [*told["objectives"].values()] == list(values or ())
        standing = told["standing"]
        if values is None or trial.is_confirmation:
            assert standing is None
            continue
        point = oriented_values(objectives, values)
        better = [
            member.index
            for member, other in zip(front.members, front.values, strict=True)
            if dominates(oriented_values(objectives, other), point)
        ]
        assert (standing["dominatedBy"], standing["dominating"]) == (better[:5], len(better))
        assert (standing["rank"] == 0 and standing["equals"] is None) is (trial.index in members)


def test_what_members_came_to_when_they_were_trained_again_is_told(client: TestClient) -> None:
    confirmed = get(client, "/searches/run:confirmed")["confirmed"]
    assert [each["runs"] for each in confirmed] == [3, 3]
    for each in confirmed:
        assert len(each["means"]) == len(each["deviations"]) == 2
        assert each["means"][0] == each["mean"]


def test_what_the_fronts_growth_has_cost_is_told(client: TestClient, folder: Path) -> None:
    known, rows = record(folder, "three"), get(client, "/searches/run:three/analysis")["improvements"]
    steps = grow(known.spec.objectives, known.trials)
    assert [row["value"] for row in rows] == pytest.approx(list(steps.volumes))
    assert sum(row["gain"] for row in rows) == pytest.approx(steps.volumes[-1])
    assert [row["hours"] for row in rows] == sorted(row["hours"] for row in rows)
    assert rows[-1]["hours"] <= sum(trial.gpu_seconds for trial in known.trials) / 3600


def test_searches_are_compared_by_hypervolumes_from_one_reference(client: TestClient, folder: Path) -> None:
    told = get(client, "/comparison", id=["run:two", "run:again", "run:confirmed"])
    records = [record(folder, name) for name in ("two", "again", "confirmed")]
    reference = common_reference(records)
    assert told["reference"] == list(reference or ())
    assert [group["searches"] for group in told["groups"]] == [["run:two", "run:again", "run:confirmed"]]
    (group,) = told["groups"]
    steps = [grow(each.spec.objectives, each.trials, reference) for each in records]
    assert group["reached"] == [found.volumes[-1] for found in steps]
    results = min(len(results_of(each.trials)) for each in records)
    assert group["hypervolumes"][-1] == pytest.approx(sum(found.at(results) for found in steps) / 3)
    assert len(group["hypervolumes"]) == len(group["hypervolumeDeviations"]) == results
    assert group["bests"] == group["averages"] == []


@pytest.mark.parametrize("other", ["three", "single"])
def test_searches_of_other_objectives_are_not_compared(client: TestClient, other: str) -> None:
    answer = client.get(f"{API}/comparison", params={"id": ["run:two", f"run:{other}"]})
    assert answer.status_code == 409
    assert "the most accuracy and the least latency_ms" in answer.json()["message"]


def test_a_single_objective_has_no_front(client: TestClient) -> None:
    details = get(client, "/searches/run:single")
    assert (details["front"], details["summary"]["front"]) == (None, None)
    assert [each["metric"] for each in details["summary"]["objectives"]] == ["accuracy"]
    nothing: dict[str, Any] = {"index": [], "rank": [], "results": [], "hypervolumes": []}
    assert get(client, "/searches/run:single/ranks").items() >= nothing.items()
    assert get(client, "/searches/run:single/trials")["columns"]["objectives"] == {}
    trial = get(client, "/searches/run:single/trials/0")
    assert (trial["objectives"], trial["standing"]) == ({}, None)


def test_before_the_first_result_there_is_an_empty_front(client: TestClient) -> None:
    details = get(client, "/searches/run:empty")
    assert details["front"] == {"size": 0, "hypervolume": None, "reference": None, "members": []}
    assert (details["summary"]["front"], details["summary"]["trend"]) == ({"size": 0, "hypervolume": None}, [])
    assert get(client, "/searches/run:empty/ranks")["hypervolumes"] == []
    assert get(client, "/comparison", id=["run:empty"])["reference"] is None
