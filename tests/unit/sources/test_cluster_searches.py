"""What is known of a cluster's searches follows from lists and events, whenever trials were dropped and read again."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.search.codec import SearchIdentity, to_object
from evonas.search.names import ATTEMPT_LABEL, INDEX_LABEL, PROGRESS_ANNOTATION, SEARCH_LABEL, SEARCH_UID_LABEL
from evonas.search.trial import Trial, TrialState
from evonas.sources.live.cluster_searches import ClusterSearch, ClusterSearches
from tests.corpus import good
from tests.unit.search.support import search_body, succeeded, trial

Object = dict[str, Any]


def _known(max_trials: int = 1_000) -> ClusterSearches:
    return ClusterSearches("cluster", itertools.count(1).__next__, max_trials)


def _search(name: str, uid: str, version: int = 1, *, complete: bool = False) -> Object:
    body = search_body()
    body["metadata"] = {"name": name, "namespace": "default", "uid": uid, "resourceVersion": str(version)}
    conditions = [{"type": "Complete", "status": "True"}] if complete else [{"type": "Accepted", "status": "True"}]
    return {**body, "status": {"conditions": conditions}}


def _object(uid: str, trial: Trial, version: int) -> Object:
    body = to_object(SearchIdentity(f"search-{uid}", uid, "default"), trial)
    body["metadata"]["resourceVersion"] = str(version)
    return body


def _pod(uid: str, index: int, *, name: str = "pod", phase: str = "Running", progress: str = "") -> Object:
    labels = {SEARCH_UID_LABEL: uid, SEARCH_LABEL: "a", INDEX_LABEL: str(index), ATTEMPT_LABEL: "1"}
    annotations = {PROGRESS_ANNOTATION: progress} if progress else {}
    metadata = {"name": name, "namespace": "default", "uid": name, "labels": labels, "annotations": annotations}
    return {"metadata": metadata, "spec": {"nodeName": "node"}, "status": {"phase": phase}}


def _trials(search: ClusterSearch) -> list[Trial]:
    return list(search.trials.snapshot().trials())


@settings(deadline=None)
@given(data=st.data())
def test_trials_are_those_of_the_server_however_often_they_are_dropped_and_read_again(data: st.DataObject) -> None:
    """The server's state changes; its events arrive late, in order; lists are of one moment, and arrive in pieces."""
    known = _known()
    known.put_search(_search("a", "u"))
    search = known.by_uid["u"]
    server, versions = dict[int, tuple[Trial, int]](), itertools.count(1)
    events: list[tuple[str, Object]] = []
    listing: tuple[list[Object], int] | None = None
    version = 0
    for _ in range(data.draw(st.integers(1, 40))):
        step = data.draw(st.sampled_from(["write", "write", "delete", "hear", "hear", "drop", "list", "listed"]))
        if step == "write":
            index, version = data.draw(st.integers(0, 4)), next(versions)
            server[index] = (succeeded(index, version / 100), version)
            events.append(("put", _object("u", *server[index])))
        elif step == "delete" and server:
            index, version = data.draw(st.sampled_from(sorted(server))), next(versions)
            events.append(("drop", _object("u", server.pop(index)[0], version)))
        elif step == "hear" and events:
            kind, body = events.pop(0)
            (known.put_trial if kind == "put" else known.drop_trial)(body)
        elif step == "drop" and not search.is_filling:
            search.drop_trials()
        elif step == "list" and search.is_dropped and listing is None:
            search.begin_again()
            listing = ([_object("u", *found) for found in server.values()], version)
        elif step == "listed" and listing is not None:
            for body in listing[0]:
                search.put_again(body)
            search.end_again(listing[1])
            listing = None
    if listing is not None:
        search.give_up()
    for kind, body in events:
        (known.put_trial if kind == "put" else known.drop_trial)(body)
    if search.is_dropped:
        search.begin_again()
        for found in server.values():
            search.put_again(_object("u", *found))
        search.end_again(version)
    assert _trials(search) == [server[index][0] for index in sorted(server)]
    assert search.line("x").trend == tuple(
        itertools.accumulate((found[0].reward or 0.0 for _, found in sorted(server.items())), max)
    )


def test_a_list_drops_what_it_does_not_tell_of() -> None:
    known = _known()
    for uid in ("u", "v"):
        known.put_search(_search(f"search-{uid}", uid))
        for index in range(3):
            known.put_trial(_object(uid, succeeded(index, 0.5), 10 + index))
    known.keep_only_trials("default", ["u/0", "u/2", "v/1"])
    assert [found.index for found in _trials(known.by_uid["u"])] == [0, 2]
    assert [found.index for found in _trials(known.by_uid["v"])] == [1]
    known.keep_only_searches("other", [])
    known.keep_only_searches("default", ["v"])
    assert known.gone == ["cluster:default:search-u"]
    assert known.by_uid.keys() == {"v"}


def test_a_search_made_again_under_the_same_name_begins_afresh() -> None:
    known = _known()
    known.put_search(_search("a", "u"))
    known.put_trial(_object("u", succeeded(0, 0.5), 2))
    known.put_search(_search("a", "v"))
    assert known.by_id["cluster:default:a"].uid == "v"
    assert _trials(known.by_id["cluster:default:a"]) == []
    known.drop_search(_search("a", "u"))
    assert known.by_id.keys() == {"cluster:default:a"}


def test_trials_seen_before_their_search_are_kept_and_forgotten_with_it() -> None:
    known = _known()
    known.put_trial(_object("u", succeeded(0, 0.5), 2))
    assert not known.changed
    known.put_search(_search("a", "u"))
    assert known.changed == {"cluster:default:a"}
    known.drop_search(_search("a", "u"))
    known.put_trial(_object("u", succeeded(1, 0.5), 3))
    known.drop_trial(_object("u", succeeded(1, 0.5), 4))
    assert known.by_uid == {}


def test_beyond_the_bound_finished_searches_asked_for_longest_ago_are_dropped_first() -> None:
    known = _known(max_trials=5)
    for place, (uid, complete) in enumerate((("old", True), ("new", True), ("running", False))):
        known.put_search(_search(uid, uid, complete=complete))
        known.by_uid[uid].asked = float(place)
        for index in range(3):
            known.put_trial(_object(uid, succeeded(index, 0.5), 10 + index))
    known.by_uid["running"].asked = -1.0
    known.make_room()
    assert {uid: search.is_dropped for uid, search in known.by_uid.items()} == {
        "old": True,
        "new": True,
        "running": False,
    }
    assert known.by_uid["old"].line("x").trend == (0.5, 0.5, 0.5)
    revision = known.by_uid["old"].trials.revision
    known.put_trial(_object("old", succeeded(3, 0.5), 20))
    assert known.by_uid["old"].trials.revision > revision
    assert len(known.by_uid["old"].trials) == 0


def test_a_trial_that_cannot_be_read_is_its_searchs_problem() -> None:
    known = _known()
    known.put_search(_search("a", "u"))
    body = _object("u", succeeded(0, 0.5), 2)
    body["status"]["reward"] = "much"
    known.put_trial(body)
    assert "cannot be read" in str(known.by_uid["u"].line("x").problem)
    known.put_trial(_object("u", succeeded(0, 0.5), 3))
    assert known.by_uid["u"].line("x").problem is None


def test_pods_tell_where_attempts_run_and_what_they_report() -> None:
    known = _known()
    known.put_search(_search("a", "u"))
    known.put_trial(_object("u", trial(0, TrialState.RUNNING), 2))
    known.put_pod(_pod("u", 0, phase="Pending"))
    assert not known.by_uid["u"].running
    known.put_pod(_pod("u", 0, progress='{"step": 3, "accuracy": 0.5}'))
    running = known.by_uid["u"].running[0]
    assert (running.index, running.attempt, running.pod, running.node) == (0, 1, "pod", "node")
    assert [(id, index, attempt, report.step) for id, index, attempt, report in known.reports] == [
        ("cluster:default:a", 0, 1, 3)
    ]
    assert known.attempts_of == {"cluster:default:a"}
    known.keep_only_pods(None, [])
    assert not known.by_uid["u"].running
    known.put_pod(_pod("u", 0))
    known.drop_pod(_pod("u", 0))
    assert not known.by_uid["u"].running


def test_of_several_pods_the_one_that_reports_tells() -> None:
    known, body = _known(), _search("a", "u")
    body["spec"]["trial"] = good("jobset.yaml")["spec"]["trial"]
    known.put_search(body)
    known.put_trial(_object("u", trial(0, TrialState.RUNNING), 2))
    for group in ("driver", "workers"):
        pod = _pod("u", 0, name=f"{group}-pod", progress='{"step": 3, "accuracy": 0.5}')
        pod["metadata"]["labels"] |= {"jobset.sigs.k8s.io/replicatedjob-name": group}
        known.put_pod(pod)
    assert known.by_uid["u"].running[0].pod == "driver-pod"
    assert len(known.reports) == 1


def test_a_search_with_several_objectives_has_the_front_of_its_status_and_the_hypervolumes_of_its_trials() -> None:
    known, body = _known(), _search("a", "u")
    body["spec"].pop("objective", None)
    body["spec"]["objectives"] = [{"metric": "accuracy", "goal": "Maximize"}, {"metric": "size", "goal": "Minimize"}]
    body["status"] = {**body.get("status", {}), "front": {"size": 2, "hypervolume": "3.5"}}
    known.put_search(body)
    for index, (accuracy, size) in enumerate([(0.5, 1.0), (0.75, 5.0), (0.5, 6.0)]):
        trial = replace(succeeded(index, accuracy), metrics={"accuracy": accuracy, "size": size})
        known.put_trial(_object("u", trial, 10 + index))
    line = known.by_uid["u"].line("x")
    assert line.overview is not None
    assert (line.overview.front_size, line.overview.hypervolume, line.overview.metric) == (2, 3.5, "accuracy")
    # Measured from an accuracy of 0.5 and a size of 6: the second is the first that dominates anything there.
    assert line.trend == (0.0, 0.25, 0.25)
