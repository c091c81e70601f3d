"""Orders to a run of this machine do what the command line does, and say how."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from evonas.errors import EvonasError
from evonas.local.journal import open_journal
from evonas.local.requests.enqueued import Enqueued
from evonas.local.requests.pinned import Pinned
from evonas.local.requests.vetoed import Vetoed
from evonas.search.trial import TrialState
from evonas.sources.journal import JournalSource
from evonas.sources.options import ClusterOptions
from evonas.space import SearchSpace
from evonas.ui.actions import FIELDS, Target, check_fields, command_of
from evonas.ui.models import ActionName, Order
from tests.unit.local.runs import evonas
from tests.unit.search.simulation import SPACE
from tests.unit.search.support import succeeded, trial
from tests.unit.ui.served import get, order, serving_runs

CANDIDATE = {"blocks": 2, "wide": True, "rate": 0.1}
ID = "run:going on"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    """A run under way with a result and a trial that runs, in a folder whose name must be quoted."""
    container = {"name": "trial", "image": "none", "command": ["true"]}
    body = {
        "apiVersion": "evonas.dev/v1alpha1",
        "kind": "ArchitectureSearch",
        "metadata": {"name": "going-on"},
        "spec": {
            "searchSpace": SPACE,
            "agent": {"type": "Evolution"},
            "budget": {"maxTrials": 10},
            "trial": {"template": {"spec": {"containers": [container]}}},
        },
    }
    folder = tmp_path / "runs" / "going on"
    journal = open_journal(folder, body)
    journal.write(replace(succeeded(0, 0.5), decisions={"blocks": 1, "wide": True, "rate": 0.1}))
    journal.write(replace(trial(1, TrialState.RUNNING), decisions={"blocks": 1, "wide": False, "rate": 0.1}))
    yield folder
    journal.close()


@pytest.fixture
def client(run: Path) -> Iterator[TestClient]:
    with serving_runs(run.parent, ["going on"]) as client:
        yield client


def test_what_can_be_done_is_said_and_why_the_rest_cannot(client: TestClient) -> None:
    said = {item["action"]: item for item in get(client, f"/searches/{ID}/actions")}
    assert said.keys() == {*ActionName}
    assert {name for name, item in said.items() if item["allowed"]} == {"enqueue", "pin", "unpin", "veto"}
    assert all(bool(item["reason"]) is not item["allowed"] for item in said.values())
    assert "--max-trials" in said["budget"]["reason"]
    assert "Ctrl-C" in said["suspend"]["reason"]


def test_a_trial_is_pinned_and_unpinned(client: TestClient, run: Path) -> None:
    for action, pinned in (("pin", [0]), ("unpin", [])):
        told = order(client, ID, action=action, trial=0).json()
        assert (told["done"], Pinned(run).indexes()) == (True, pinned)
    assert "is not pinned" in order(client, ID, action="unpin", trial=0).json()["message"]


def test_a_trial_is_vetoed_with_its_reason(client: TestClient, run: Path) -> None:
    told = order(client, ID, action="veto", trial=1, because="it's <b>hot</b>").json()
    assert told["done"]
    assert [*Vetoed(run).read()] == [(1, "it's <b>hot</b>")]
    refused = order(client, ID, action="veto", trial=0)
    assert (refused.status_code, "is Succeeded already" in refused.json()["message"]) == (409, True)


def test_a_candidate_is_enqueued_once(client: TestClient, run: Path) -> None:
    told = order(client, ID, action="enqueue", decisions=CANDIDATE).json()
    assert told["done"]
    space = JournalSource(run).read().spec.space
    assert [dict(item) for item in Enqueued(run, space).read()] == [CANDIDATE]
    again = order(client, ID, action="enqueue", decisions=CANDIDATE)
    assert (again.status_code, "it is listed already" in again.json()["message"]) == (409, True)
    wrong = order(client, ID, action="enqueue", decisions={"blocks": 9, "wide": True, "rate": 0.1})
    assert wrong.status_code == 409


ORDERS: list[dict[str, Any]] = [
    {"action": "pin", "trial": 0},
    {"action": "veto", "trial": 1, "because": 'it\'s $(hot) `x` "y"\n--option'},
    {"action": "enqueue", "decisions": CANDIDATE},
]


@pytest.mark.parametrize("body", ORDERS, ids=lambda body: body["action"])
def test_a_preview_does_nothing_and_its_command_does_what_the_order_does(
    client: TestClient, run: Path, body: dict[str, Any]
) -> None:
    def requests() -> dict[str, list[Any]]:
        return {
            path.name: [json.loads(line) for line in path.read_text().splitlines()]
            for path in run.glob("*.jsonl")
            if path.name != "journal.jsonl"
        }

    before = requests()
    told = order(client, ID, **body, preview=True).json()
    assert (told["done"], requests()) == (False, before)
    evonas(run, *shlex.split(told["command"])[1:])
    after = requests()
    assert after != before
    for path in run.glob("*.jsonl"):
        if path.name != "journal.jsonl":
            path.unlink()
    assert order(client, ID, **body).json()["command"] == told["command"]
    assert requests() == after


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"action": "suspend"}, "Ctrl-C; the same command resumes it"),
        ({"action": "parallel", "parallelTrials": 4}, "--parallel-trials 4"),
        ({"action": "budget", "maxTrials": 20}, "--max-trials 20"),
        ({"action": "budget", "maxTrials": 5}, "may only grow, and is 10"),
        ({"action": "budget", "maxTrials": 1_000_000}, "spec.budget.maxTrials"),
        ({"action": "parallel", "parallelTrials": 11}, "spec.budget.parallelTrials"),
        ({"action": "pin", "trial": 99}, "has no trial 99"),
        ({"action": "enqueue", "decisions": {}}, "blocks"),
    ],
)
def test_what_cannot_be_done_says_what_can(client: TestClient, body: dict[str, Any], said: str) -> None:
    for preview in (True, False):
        answer = order(client, ID, **body, preview=preview)
        assert (answer.status_code, said in answer.json()["message"]) == (409, True), answer.text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "explode"},
        {"action": "pin", "trial": "x"},
        {"action": "pin", "trial": "0"},
        {"action": "pin", "trial": False},
        {"action": "pin", "trial": 0.0},
        {"action": "pin", "trial": 0, "preview": 1},
        {"action": "parallel", "parallelTrials": "4"},
        {"action": "parallel", "parallelTrials": True},
        {"action": "budget", "maxTrials": "20"},
        {"action": "pin", "trial": 0, "more": 1},
        {"action": "pin"},
        {"action": "suspend", "trial": 1},
        {"action": "pin", "trial": 0, "because": "so"},
        [],
        1,
    ],
)
def test_what_is_no_order_is_said_to_be_none(client: TestClient, body: Any) -> None:
    answer = client.post(f"/api/v1/searches/{ID}/actions", json=body, headers={"X-Evonas-Request": "1"})
    assert (answer.status_code, bool(answer.json()["message"])) == (422, True)


def test_every_order_has_its_fields_and_its_command(run: Path) -> None:
    space = JournalSource(run).read().spec.space
    values: dict[str, Any] = {"parallel_trials": 3, "max_trials": 20, "decisions": CANDIDATE, "trial": 1}
    target = Target("it's", ClusterOptions(Path("/a b"), "con$text", "team"))
    for action in ActionName:
        wanted = Order(action=action, **{field: values[field] for field in FIELDS[action]})
        check_fields(wanted)
        words = shlex.split(command_of(wanted, target, space))
        assert words[0] in ("kubectl", "evonas")
        assert "it's" in words
        given = dict(pairwise(words))
        assert (given["-n"], given["--context"], given["--kubeconfig"]) == ("team", "con$text", "/a b")
        for field in FIELDS[action]:
            with pytest.raises(EvonasError, match="needs it"):
                check_fields(wanted.model_copy(update={field: None}))


def test_values_that_are_written_alike_are_told_as_json() -> None:
    space = SearchSpace.parse([{"name": "mixed", "values": [1, "1"]}])
    command = command_of(Order(action=ActionName.ENQUEUE, decisions={"mixed": "1"}), Target("runs/x", None), space)
    assert command == 'echo \'{"mixed": "1"}\' | evonas enqueue runs/x -'
