"""Trials of this machine that come to nothing: what is said of them is what a cluster would say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evonas.search.trial import in_words
from evonas.sources.live.directory import LiveSearches
from evonas.sources.live.places import RunsPlace
from evonas.ui.views.summary import say
from tests.unit.local.runs import evonas, recorded, write_manifest

LONG = (
    """python -c 'import json; print(json.dumps({"reward": 1, "metrics": dict.fromkeys(map(str, range(999)), 1)}))'"""
)


@pytest.mark.parametrize(
    ("script", "template", "reason", "message"),
    [
        (
            f"{LONG} > $EVONAS_REPORT_FILE",
            {},
            "InvalidReward",
            "the termination message was cut to 4,096 bytes, all that a pod keeps: report fewer metrics, or by the "
            "annotation evonas.dev/reward",
        ),
        (
            f"{LONG} > $EVONAS_REPORT_FILE",
            {"initContainers": [{"name": f"data-{position}", "image": "none"} for position in range(3)]},
            "InvalidReward",
            "the termination message was cut to 3,072 bytes, all that a pod keeps: report fewer metrics, or by the "
            "annotation evonas.dev/reward",
        ),
        (
            "exec sleep 60",
            {"activeDeadlineSeconds": 1},
            "DeadlineExceeded",
            "the attempt took longer than the template's activeDeadlineSeconds (1)",
        ),
    ],
    ids=["long report", "long report beside init containers", "deadline of the template"],
)
def test_trial_ends_here_as_in_a_cluster(
    tmp_path: Path, script: str, template: dict[str, Any], reason: str, message: str
) -> None:
    pod = {"containers": [{"name": "trial", "image": "none", "command": ["sh", "-c", script]}], **template}
    trial = {"timeoutSeconds": 600, "template": {"spec": pod}}
    manifest = write_manifest(tmp_path, "here", budget={"maxTrials": 1}, trial=trial)
    evonas(tmp_path, "run", str(manifest), code=1)
    (ended,) = recorded(tmp_path, "here")
    assert (ended.reason, ended.message) == (reason, message)


@pytest.mark.parametrize(
    ("script", "failed", "reason", "message"),
    [
        (
            "exit 3",
            True,
            "TooManyFailedTrials",
            "1 trial failed, more than maxFailedTrials (0); the last one with NonZeroExitCode: the container"
            " exited with code 3",
        ),
        ("""echo '{"reward": 1}' > $EVONAS_REPORT_FILE""", False, "MaxTrialsReached", "all 2 trials were proposed"),
    ],
)
async def test_a_run_that_has_ended_has_the_conditions_that_a_cluster_would_give_it(
    tmp_path: Path, script: str, failed: bool, reason: str, message: str
) -> None:
    budget = {"maxTrials": 2, "maxFailedTrials": 0}
    manifest = write_manifest(tmp_path, "here", ("sh", "-c", script), budget=budget)
    evonas(tmp_path, "run", str(manifest), code=int(failed))
    search, *_ = json.loads(evonas(tmp_path, "get", "runs/here", "-o", "json"))["items"]
    conditions = {each["type"]: each for each in search["status"]["conditions"]}
    assert {type: each["status"] for type, each in conditions.items()} == {
        "Complete": str(not failed),
        "Failed": str(failed),
        "Stalled": str(failed),
    }
    said = conditions["Failed" if failed else "Complete"]
    assert (said["reason"], said["message"]) == (reason, message)
    async with LiveSearches([RunsPlace(tmp_path / "runs")]) as live:
        await live.ready()
        (seen,) = live.searches()
    assert seen.body["status"] == search["status"]
    assert say(seen) == in_words(reason, message)
