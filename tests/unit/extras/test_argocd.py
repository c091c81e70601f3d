"""Argo CD's health check and actions, in the Lua that Argo CD has, on the statuses that the operator writes."""

from __future__ import annotations

from typing import Any

import pytest
from lupa import lua51

from evonas.search.attempt import AttemptPhase, AttemptView, QueuedReason
from evonas.search.budget import Limit
from evonas.search.outcome import conclude
from evonas.search.status import refuse, summarise
from evonas.search.trial import TrialState
from observability.__main__ import ROOT
from tests.unit.search.support import IDENTITY, NOW, planned, search_spec, succeeded, totals_of, trial

FOLDER = ROOT / "extras" / "argocd"
OVER = Limit("MaxTrialsReached", "all 20 trials were proposed")
BROKEN = Limit("TooManyFailedTrials", "11 trials failed", failed=True)
NO_NODE = AttemptView(1, AttemptPhase.QUEUED, QueuedReason.UNSCHEDULABLE, "no node has a free GPU")


def script(name: str, body: dict[str, Any]) -> Any:
    """Run a script as Argo CD does: ``obj`` is the object, only the base library is there, the result is returned."""
    runtime = lua51.LuaRuntime(unpack_returned_tuples=True)
    runtime.execute("io, os, string, table, package, require, dofile, loadfile, debug = nil")
    runtime.globals().obj = runtime.table_from(body, recursive=True)
    return runtime.execute((FOLDER / name).read_text())


def search(status: dict[str, Any] | None, *, suspend: bool = False, generation: int = 3) -> dict[str, Any]:
    body = {"metadata": {"generation": generation}, "spec": {"suspend": suspend}}
    return body if status is None else {**body, "status": status}


FRUITLESS = conclude(OVER, totals_of([trial(0, TrialState.FAILED, reason="OOMKilled", message="killed")]))


def status(*, suspend: bool = False, limit: Limit | None = None, waits: bool = False) -> dict[str, Any]:
    plan = planned([trial(0)] if waits else [succeeded(0, 0.5)], limit=limit, is_over=limit is not None)
    return summarise(
        IDENTITY,
        search_spec(suspend=suspend),
        plan,
        {0: NO_NODE} if waits else {},
        refused=None,
        entropy=None,
        versions={},
        generation=3,
        before={},
        now=NOW,
    )


@pytest.mark.parametrize(
    ("body", "health", "message"),
    [
        (search(None), "Progressing", "Waits for the operator"),
        (search(status(limit=OVER), generation=4), "Progressing", "The operator has not seen the latest change"),
        (search(status()), "Progressing", "TrialsStarting"),
        (search(status(waits=True)), "Progressing", "Unschedulable: trial 0: no node has a free GPU"),
        (search(status(suspend=True), suspend=True), "Suspended", "spec.suspend is true"),
        (search(status(limit=OVER)), "Healthy", "MaxTrialsReached: all 20 trials were proposed"),
        (search(status(limit=BROKEN)), "Degraded", "TooManyFailedTrials: 11 trials failed"),
        (search(status(limit=FRUITLESS)), "Degraded", f"NoTrialSucceeded: {FRUITLESS.message}"),
        (
            search(refuse("InvalidSpec", "no such agent", generation=3, before={}, now=NOW)),
            "Degraded",
            "InvalidSpec: no such agent",
        ),
    ],
    ids=["new", "changed", "begins", "waits", "suspended", "complete", "failed", "no success", "refused"],
)
def test_health(body: dict[str, Any], health: str, message: str) -> None:
    found = script("health.lua", body)
    assert (found["status"], found["message"]) == (health, message)


@pytest.mark.parametrize(
    ("body", "offered"),
    [
        (search(None), {"suspend"}),
        (search(status()), {"suspend"}),
        (search(status(suspend=True), suspend=True), {"resume"}),
        (search(status(limit=OVER)), set()),
        (search(status(limit=BROKEN), suspend=True), set()),
    ],
    ids=["new", "at work", "suspended", "complete", "failed"],
)
def test_actions_that_are_offered(body: dict[str, Any], offered: set[str]) -> None:
    found = script("actions/discovery.lua", body)
    assert {name for name in found if not found[name]["disabled"]} == offered
    assert {path.stem for path in (FOLDER / "actions").glob("*.lua")} == {"discovery", *found}


@pytest.mark.parametrize(("action", "suspend"), [("suspend", True), ("resume", False)])
def test_action_changes_nothing_else(action: str, suspend: bool) -> None:
    found = script(f"actions/{action}.lua", search(status(), suspend=not suspend))
    assert found["spec"]["suspend"] is suspend
    assert found["metadata"]["generation"] == 3
