"""What a search is doing, in a sentence: from an operator's conditions or, of a run, from its counts."""

from __future__ import annotations

from typing import Any

import pytest

from evonas.recorded.search import Overview, Phase, overview_of
from evonas.sources.live.seen import Origin, SeenSearch
from evonas.ui.views.summary import say, summarise
from tests.corpus import good

COUNTS = {"total": 12, "running": 2, "queued": 1, "succeeded": 9}


def in_cluster(*conditions: tuple[str, str, str, str], **spec: Any) -> SeenSearch:
    status = {
        "trials": COUNTS,
        "conditions": [
            {"type": type, "status": status, "reason": reason, "message": message}
            for type, status, reason, message in conditions
        ],
    }
    body = {
        "metadata": {"name": "one", "namespace": "team", "uid": "u"},
        "spec": {"budget": {"maxTrials": 30}, "agent": {"type": "EvoNAS"}, **spec},
        "status": status,
    }
    return SeenSearch("cluster:team:one", 1, Origin.CLUSTER, "nas/one", "u", body, overview_of(body), [], None)


ACCEPTED = ("Accepted", "True", "Accepted", "")


@pytest.mark.parametrize(
    ("seen", "said", "blocked"),
    [
        (in_cluster(), "no operator has processed it yet", None),
        (
            in_cluster(ACCEPTED, ("Progressing", "True", "TrialsRunning", "1 trial waits: Queued: no quota")),
            "9 of 30 trials done, 2 running and 1 queued; 1 trial waits: Queued: no quota",
            None,
        ),
        (
            in_cluster(ACCEPTED, ("Progressing", "True", "Unschedulable", "trial 3: no node has room")),
            "Unschedulable: trial 3: no node has room",
            "Unschedulable",
        ),
        (
            in_cluster(("Accepted", "False", "LogsForbidden", "the operator may not read logs")),
            "LogsForbidden: the operator may not read logs",
            None,
        ),
        (
            in_cluster(ACCEPTED, ("Complete", "True", "MaxTrialsReached", "all 30 trials were proposed")),
            "MaxTrialsReached: all 30 trials were proposed",
            None,
        ),
        (
            in_cluster(ACCEPTED, ("Failed", "True", "TooManyFailedTrials", "3 failed")),
            "TooManyFailedTrials: 3 failed",
            None,
        ),
        (
            in_cluster(
                ACCEPTED,
                ("Suspended", "True", "SuspendSet", ""),
                ("Progressing", "False", "Suspended", "spec.suspend is true"),
            ),
            "Suspended: spec.suspend is true",
            None,
        ),
    ],
)
def test_an_operators_words_are_said(seen: SeenSearch, said: str, blocked: str | None) -> None:
    summary = summarise(seen)
    assert (summary.says, summary.blocked) == (said, blocked)


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        (Phase.RUNNING, "9 of 30 trials done, 2 running and 1 queued"),
        (Phase.STOPPED, "9 of 30 trials done; no process works on it: the same `evonas run` command resumes it"),
        (Phase.COMPLETE, "complete after 12 trials"),
        (Phase.FAILED, "failed after 12 trials"),
    ],
)
def test_a_run_is_told_by_its_counts(phase: Phase, said: str) -> None:
    overview = Overview("", "one", phase, "EvoNAS", COUNTS, 30, None, None, 0, "reward", 0, None)
    seen = SeenSearch("run:one", 1, Origin.RUN, "runs/one", "u", {"spec": {}}, overview, [], None)
    assert say(seen) == said


def test_large_numbers_have_separators_and_one_is_singular() -> None:
    def said(phase: Phase, most: int, **counts: int) -> str:
        overview = Overview("", "one", phase, "EvoNAS", counts, most, None, None, 0, "reward", 0, None)
        return say(SeenSearch("run:one", 1, Origin.RUN, "runs/one", "u", {"spec": {}}, overview, [], None))

    assert said(Phase.COMPLETE, 10_000, total=10_000) == "complete after 10,000 trials"
    assert said(Phase.COMPLETE, 1, total=1) == "complete after 1 trial"
    assert said(Phase.RUNNING, 20_000, total=5_000, running=1_200) == "3,800 of 20,000 trials done, 1,200 running"


def test_gpus_are_seen_in_what_the_template_asks_for_and_nonsense_asks_for_none() -> None:
    def asking(resources: Any) -> bool:
        container = {"name": "trial", "resources": resources}
        return summarise(in_cluster(trial={"template": {"spec": {"containers": [container]}}})).uses_gpus

    assert asking({"limits": {"nvidia.com/gpu": 1}})
    assert not asking({"limits": {"cpu": 1}})
    assert not asking({"limits": {"nvidia.com/gpu": "many"}})
    assert not summarise(in_cluster(trial=[])).uses_gpus


def test_gpus_are_seen_in_what_the_pods_of_a_workload_ask_for_and_nonsense_asks_for_none() -> None:
    def asking(workload: Any) -> bool:
        return summarise(in_cluster(trial={"workload": workload})).uses_gpus

    workload = good("jobset.yaml")["spec"]["trial"]["workload"]
    assert asking(workload)
    assert not asking({**workload, "kind": "CronJob"})
    assert not asking({**workload, "spec": {"replicatedJobs": 1}})
    del workload["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert not asking(workload)
    assert not asking([])


def test_what_cannot_be_read_has_a_line_that_says_so() -> None:
    seen = SeenSearch("run:torn", 3, Origin.RUN, "runs/torn", "", {}, None, [], None, problem="it is damaged")
    summary = summarise(seen)
    assert summary.phase is None
    assert (summary.name, summary.says, summary.problem, summary.counts) == (
        "runs/torn",
        "it is damaged",
        "it is damaged",
        {},
    )
