"""Which objects of searches count as left behind, and how much is said of them."""

from __future__ import annotations

from evonas.cluster.checks.orphans import MAX_SHOWN, Child, find_orphans, read_child, tell
from evonas.cluster.client.resources import CONFIG_MAPS, JOBS, TRIALS, WORKLOADS


def trial(uid: str, search: str, owner: str | None = None) -> Child:
    return Child(TRIALS, uid, "x", search, owner)


def job(uid: str, search: str, owner: str | None, *, runs: bool = False) -> Child:
    return Child(JOBS, uid, "x", search, owner, runs)


def test_what_a_search_or_the_garbage_collector_looks_after_is_no_orphan() -> None:
    children = [
        trial("mine", "alive", "alive"),
        trial("let go of", "alive"),
        trial("about to be collected", "gone", "gone"),
        job("of it", "gone", "about to be collected"),
        job("mine", "alive", "mine"),
    ]
    assert find_orphans(children, {"alive"}) == {}


def test_orphans_are_found_with_the_jobs_that_they_own_and_with_jobs_that_nobody_owns() -> None:
    left = [trial("t", "gone"), job("owned", "gone", "t"), job("alone", "gone", None)]
    assert find_orphans(left, {"alive"}) == {"gone": left}


def test_each_former_search_is_told_once_with_the_command_that_removes_what_it_left() -> None:
    knowledge = Child(CONFIG_MAPS, "k", "x", "uid", None)
    left = [trial("t", "uid"), trial("u", "uid"), job("j", "uid", "t", runs=True), knowledge]
    (finding,) = tell({"uid": left}, "team")
    assert finding.subject == "former search x"
    assert "2 ArchitectureTrials, 1 Job and 1 ConfigMap, of which 1 still runs" in finding.message
    kinds = "architecturetrials.evonas.dev,jobs.batch,configmaps"
    assert finding.cure == f"kubectl -n team delete {kinds} -l evonas.dev/search-uid=uid"


def test_a_hundred_former_searches_are_a_few_lines() -> None:
    left = {str(number): [trial(f"{number}-{index}", str(number)) for index in range(number)] for number in range(101)}
    findings = tell(left, "team")
    assert len(findings) == MAX_SHOWN + 1
    assert findings[0].cure.endswith("search-uid=100")
    assert findings[-1].message.startswith("96 more have left 4560 objects")


def test_a_job_runs_until_one_of_its_two_ends() -> None:
    def body(*types: str) -> dict[str, object]:
        conditions = [{"type": type, "status": "True"} for type in types]
        owners = [{"uid": "t", "controller": True}]
        return {"metadata": {"uid": "j", "ownerReferences": owners}, "status": {"conditions": conditions}}

    states = (), ("Suspended",), ("Failed",), ("Complete",)
    assert [read_child(JOBS, body(*state)).runs for state in states] == [True, True, False, False]
    assert read_child(JOBS, body()).owner == "t"


def test_a_workload_runs_until_its_own_kind_says_that_it_has_ended() -> None:
    def body(*types: str) -> dict[str, object]:
        conditions = [{"type": type, "status": "True"} for type in types]
        return {"metadata": {"uid": "j"}, "spec": {}, "status": {"conditions": conditions}}

    states = (), ("Complete",), ("Failed",), ("Completed",)
    assert [read_child(WORKLOADS["JobSet"], body(*state)).runs for state in states] == [True, True, False, False]
