"""Trials of this machine that come to nothing: what is said of them is what a cluster would say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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
