"""What must hold of every search, whatever happened to its operator; judged from the whole story of its namespace."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from evonas.agents import NO_EXPERIENCE, Experience
from evonas.cluster.client.resources import CONFIG_MAPS, JOBS, PODS, SEARCHES, TRIALS, Resource
from evonas.cluster.state.knowledge_map import from_config_map
from evonas.cluster.state.objects import read_trial
from evonas.domination import dominates
from evonas.recorded.knowledge_record import why_unused
from evonas.recorded.rungs import difference_at_rungs
from evonas.search.names import (
    ATTEMPT_LABEL,
    INDEX_LABEL,
    INFEASIBLE_EXIT_CODE,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    METRICS_ANNOTATION,
    PROGRESS_ANNOTATION,
    REWARD_ANNOTATION,
)
from evonas.search.objective import oriented_values, values_of
from evonas.search.proposer import Proposer
from evonas.search.standings import Standings, new_standings, point_of
from evonas.search.table import TrialTable
from evonas.search.totals import Totals
from evonas.search.trial import Trial, TrialState
from evonas.spec import SearchSpec
from harness.kwok import PRINTED
from tests.faults.chronicle import DRIVER, JOBSETS, Body, Story

Reported = tuple[int, tuple[float, ...]]
"""A rung and a value of each objective there."""

ROUNDING = 1e-12
MAKERS = (JOBS, JOBSETS)
"""The kinds that make the pods of an attempt: there is one of either kind."""
_JOBSET_OF, _GROUP_OF, _PLACE_IN = (
    "jobset.sigs.k8s.io/jobset-name",
    "jobset.sigs.k8s.io/replicatedjob-name",
    "batch.kubernetes.io/job-completion-index",
)


def is_complete(story: Story) -> bool:
    """Say whether the search is Complete and every Job of it is released: the operator has nothing left to do. The pods
    of the Jobs that it deleted are gone, too, and the JobSets that go on have theirs: a trial ends with the pod that
    reports, which may be before the others have begun.
    """
    searches = story.objects(SEARCHES)
    jobs = {job["metadata"]["name"]: job for job in _makers(story)}
    pods = [pod for pod in story.objects(PODS) if _is_ours(pod)]
    return (
        all(_holds(body, "Complete") for body in searches)
        and all("ttlSecondsAfterFinished" in job["spec"] for job in jobs.values())
        and all(_maker_of(pod) in jobs for pod in pods)
        and all(_is_whole(jobset, pods, story) for jobset in story.objects(JOBSETS))
    )


def assert_sound(
    story: Story, *, indexes: Iterable[int] | None = None, attempts: int | None = None, operators: int = 1
) -> None:
    """Assert all invariants of a completed search; ``attempts`` is how many Jobs there may have been, or JobSets, each
    with its pods; ``operators`` how many wrote at once: one, where the search has rungs.
    """
    spec = _spec(story)
    trials = [read_trial(body).trial for body in story.objects(TRIALS)]
    wanted = list(range(spec.budget.max_trials)) if indexes is None else list(indexes)
    assert sorted(trial.index for trial in trials) == wanted, "one Trial per index"
    assert all(trial.state.is_final or trial.state is TrialState.PAUSED for trial in trials)
    assert_never_twice(story)
    assert_started_by_the_record(story)
    assert_results_recorded_once(story)
    places = assert_places_without_gap(story, operators=operators)
    assert_rungs_recorded_once(story)
    assert_stopped_by_the_record(story)
    assert_promoted_by_the_record(story)
    assert_promotions_recorded_once(story)
    assert_front_by_the_record(story)
    known = assert_known_before_all(story)
    if len(set(places)) == len(places):
        # Otherwise nobody can tell in which order an operator that knew only one of two results has learned.
        assert_proposals_as_undisturbed(spec, trials, known)
    assert_nothing_orphaned(story)
    if attempts is not None:
        told = [(trial.index, trial.attempts) for trial in trials if len(trial.attempts) > 1]
        each = _pods_of_a_trial(spec)
        # Where one pod has ended an attempt, the others may never have been made.
        fewer = (each - 1) * sum(ended.reason != "Completed" for trial in trials for ended in trial.attempts)
        for kinds, expected, spare in ((MAKERS, attempts, 0), ((PODS,), attempts * each, fewer)):
            ran = [name for kind in kinds for name in _ever(story, kind.plural)]
            said = f"{len(ran)} {kinds[-1].plural} for {attempts} attempts: {ran}; {told}"
            assert expected - spare <= len(ran) <= expected, said


def assert_never_twice(story: Story, *, remade: bool = False) -> None:
    """At no time two unfinished Jobs of one trial, or pods at one place of it, nor more unfinished trials or pods than
    allowed. Where an engine has ``remade`` what somebody deleted, which it does before the pods of that are gone,
    and whatever the trial's result, pods are left out.
    """
    spec = _spec(story)
    allowed = spec.budget.parallel_trials
    if not remade:
        _assert_no_more_pods(story, allowed * _pods_of_a_trial(spec))
    for resource, is_over in (
        *(() if remade else ((PODS, _pod_is_over),)),
        (JOBS, _job_is_over),
        (JOBSETS, _jobset_is_over),
    ):
        for _, live in _unfinished(story, resource, is_over):
            places = {name: _place_of(body) for name, body in live.items()}
            assert len(set(places.values())) == len(places), f"two {resource.plural} of one trial at once: {places}"
    open_trials: set[str] = set()
    for type, body in story.events[TRIALS.plural]:
        # Imported results are many at once; nothing is run for them.
        is_open = type != "DELETED" and _state(body).holds_place and "imported" not in body["spec"]
        (open_trials.add if is_open else open_trials.discard)(body["metadata"]["name"])
        assert len(open_trials) <= allowed, f"{len(open_trials)} trials at once"


def _assert_no_more_pods(story: Story, most: int) -> None:
    """Pods count until their attempt has its result: another trial may begin while the others of them still run."""
    told: set[tuple[int, int]] = set()
    for pod, live in _unfinished(story, PODS, _pod_is_over):
        if _has_result(pod):
            told.add(attempt_of(pod))
        counted = sorted(name for name, body in live.items() if attempt_of(body) not in told)
        assert len(counted) <= most, f"{len(counted)} pods at once: {counted}"


def _unfinished(
    story: Story, resource: Resource, is_over: Callable[[Body], bool]
) -> Iterator[tuple[Body, Mapping[str, Body]]]:
    """Yield each object of ours as it was at each event, and those of its kind that were unfinished then, by name."""
    live: dict[str, Body] = {}
    for type, body in story.events[resource.plural]:
        if not _is_ours(body):
            continue
        if type == "DELETED" or is_over(body):
            live.pop(body["metadata"]["name"], None)
        else:
            live[body["metadata"]["name"]] = body
        yield body, live


def _place_of(body: Body) -> str:
    labels = body["metadata"]["labels"]
    return f"{labels[INDEX_LABEL]} {(labels.get(_GROUP_OF, ''), labels.get(_PLACE_IN, ''))}"


def assert_started_by_the_record(story: Story) -> None:
    """Each Job was created after the record had said that its attempt is the next: a promotion is written first."""
    said: dict[tuple[int, int], int] = {}
    for type, body in story.events[TRIALS.plural]:
        if type != "DELETED" and _state(body).holds_place:
            trial = read_trial(body).trial
            said.setdefault((trial.index, trial.current_attempt), int(body["metadata"]["resourceVersion"]))
    for type, body in (event for kind in MAKERS for event in story.events[kind.plural]):
        if type == "ADDED" and _is_ours(body):
            first = said.get(attempt_of(body))
            assert first is not None, f"{body['metadata']['name']} was created, and no record asked for it"
            assert first < int(body["metadata"]["resourceVersion"]), f"{body['metadata']['name']} was created too early"


def assert_results_recorded_once(story: Story) -> None:
    """A result never changes, and rewards are those that the pods reported."""
    final: dict[str, Body] = {}
    for type, body in story.events[TRIALS.plural]:
        if type != "DELETED" and _state(body).is_final:
            assert final.setdefault(body["metadata"]["uid"], body["status"]) == body["status"], (
                "a recorded result changed"
            )
    reported = {
        attempt_of(body): float(body["metadata"]["annotations"][REWARD_ANNOTATION])
        for _, body in story.events[PODS.plural]
        if _is_ours(body) and REWARD_ANNOTATION in body["metadata"].get("annotations", {})
    }
    prints = _spec(story).trial.report is not None
    for body in story.objects(TRIALS):
        known = body["spec"].get("imported") or body["spec"].get("reusedFrom")
        if known is not None:
            assert float(body["status"]["reward"]) == float(known["reward"])
            assert body["spec"]["index"] not in {index for index, _ in reported}
        elif _state(body) is TrialState.SUCCEEDED:
            last = body["status"]["attempts"][-1]["number"]
            said = PRINTED if prints else reported[body["spec"]["index"], last]
            assert float(body["status"]["reward"]) == said


def assert_places_without_gap(story: Story, *, operators: int = 1) -> list[int]:
    """Places in the sequence have no gap, and each operator gives each of them once; return them in order.

    Whoever records a result at a place knows one at the place before. But a precondition guards one object, and nothing
    that two operators write at once keeps them from giving one place to two trials (docs/decisions.md).
    """
    latest = {
        body["metadata"]["uid"]: body.get("status", {})
        for type, body in story.events[TRIALS.plural]
        if type != "DELETED"
    }
    places = sorted(place for status in latest.values() for place in _places(status))
    given = Counter(places)
    assert list(given) == list(range(1, len(given) + 1)), f"places in the sequence: {places}"
    assert max(given.values(), default=0) <= operators, f"places in the sequence: {places}"
    return places


def assert_rungs_recorded_once(story: Story) -> None:
    """What was recorded at a rung never changes, and is what a pod of the trial reported there."""
    pauses = _pauses(_spec(story))
    names = [objective.name for objective in _spec(story).objectives]
    reported: dict[str, set[Reported]] = defaultdict(set)
    for _, body in story.events[PODS.plural]:
        if _is_ours(body):
            found = _result_at_pause(body, names) if pauses else _results_on_the_way(body, names)
            reported[body["metadata"]["labels"][INDEX_LABEL]] |= found
    known: dict[str, list[Body]] = {}
    for type, body in story.events[TRIALS.plural]:
        if type == "DELETED":
            continue
        uid, rungs = body["metadata"]["uid"], [_without_promotion(rung) for rung in _rungs(body)]
        before = known.get(uid, [])
        assert rungs[: len(before)] == before, f"recorded at a rung, and changed: {before}, {rungs}"
        known[uid] = rungs
        for rung in rungs[len(before) :]:
            values = tuple(map(float, (rung["value"], *rung.get("others", ()))))
            assert (rung["step"], values) in reported[str(body["spec"]["index"])]


def assert_promoted_by_the_record(story: Story) -> None:
    """Who goes on from a pause follows from what was recorded before."""
    spec = _spec(story)
    if _pauses(spec):
        difference = difference_at_rungs(spec, [read_trial(body).trial for body in story.objects(TRIALS)])
        assert difference is None, difference


def assert_promotions_recorded_once(story: Story) -> None:
    """Who goes on from a pause is told so once, and nobody goes on untold."""
    known: dict[str, Body] = {}
    for type, body in story.events[TRIALS.plural]:
        if type == "DELETED":
            continue
        before = known.get(body["metadata"]["uid"], {})
        known[body["metadata"]["uid"]] = body
        told, said = _promotions(before), _promotions(body)
        assert said[: len(told)] == told, f"a promotion changed: {told}, {said}"
        goes_on = _state(before) is TrialState.PAUSED and _state(body).holds_place
        assert len(said) - len(told) == goes_on, f"{len(said) - len(told)} promotions at once: {body['status']}"
        if goes_on:
            assert body["status"]["reason"] == "Promoted"
            assert body["status"]["attempts"] == before["status"]["attempts"]


def attempts_on_record(story: Story) -> int:
    """Return how many attempts there were by the trials' records, each of which is one Job and one pod."""
    trials = [read_trial(body).trial for body in story.objects(TRIALS)]
    return sum(len({attempt.number for attempt in trial.attempts}) for trial in trials)


def assert_stopped_by_the_record(story: Story) -> None:
    """Who is stopped, and where, follows from what was recorded before; whoever has a result is not, and nothing of a
    stopped trial lives on."""
    spec = _spec(story)
    if spec.fidelity is None or _pauses(spec):
        return
    trials = [read_trial(body).trial for body in story.objects(TRIALS)]
    ladder = sorted(((rung, trial) for trial in trials for rung in trial.rungs), key=lambda each: each[0].sequence)
    standings: dict[int, Standings] = defaultdict(lambda: new_standings(spec.objectives))
    for rung, trial in ladder:
        point = point_of(spec.objectives, trial, rung)
        standings[rung.step].add(point)
        stops = standings[rung.step].decide(spec.fidelity, point).stops
        stopped = trial.state is TrialState.STOPPED and trial.sequence == rung.sequence
        assert stops == stopped or (stops and not stopped and _ended_with(story, trial.index, rung.sequence)), trial
    stopped_trials = {str(trial.index) for trial in trials if trial.state is TrialState.STOPPED}
    alive = [pod for pod in story.objects(PODS) if _is_ours(pod) and not _pod_is_over(pod)]
    assert not stopped_trials & {pod["metadata"]["labels"][INDEX_LABEL] for pod in alive}, "a stopped trial lives on"


def _ended_with(story: Story, index: int, sequence: int) -> bool:
    """Say whether a result at a rung was recorded together with the trial's own."""
    first = next(
        body
        for _, body in story.events[TRIALS.plural]
        if body["spec"]["index"] == index and sequence in _places(body.get("status", {}))
    )
    return _state(first).is_final


def _pauses(spec: SearchSpec) -> bool:
    return spec.fidelity is not None and spec.fidelity.pauses


def assert_front_by_the_record(story: Story) -> None:
    """The front of the search's status has trials that were recorded before and do not dominate each other; its
    hypervolume never shrinks; at the end it is that of all trials.
    """
    spec = _spec(story)
    fronts = [
        (int(body["metadata"]["resourceVersion"]), body["status"]["front"])
        for _, body in story.events[SEARCHES.plural]
        if "front" in body.get("status", {})
    ]
    if not spec.has_several:
        assert not fronts
        return
    trials = [read_trial(body).trial for body in story.objects(TRIALS)]
    values = {trial.index: values_of(spec.objectives, trial) for trial in trials}
    recorded: dict[int, int] = {}
    for _, body in story.events[TRIALS.plural]:
        if _state(body).is_final:
            recorded.setdefault(body["spec"]["index"], int(body["metadata"]["resourceVersion"]))
    largest = 0.0
    for version, front in fronts:
        points = []
        for member in front["members"]:
            told = tuple(float(member["values"][objective.name]) for objective in spec.objectives)
            assert told == values[member["index"]]
            assert recorded[member["index"]] < version, "on the front before it was recorded"
            points.append(oriented_values(spec.objectives, told))
        assert not any(dominates(one, other) for one, other in product(points, points))
        assert float(front["hypervolume"]) >= largest * (1 - ROUNDING), "the hypervolume shrank"
        largest = float(front["hypervolume"])
    found = Totals(spec.objectives, trials).front
    assert found.members, "nothing to look at"
    last = fronts[-1][1]
    assert (last["size"], float(last["hypervolume"])) == (len(found), found.hypervolume)
    assert [member["index"] for member in last["members"]] == [member.index for member in found.members]


def _results_on_the_way(pod: Body, names: Sequence[str]) -> set[Reported]:
    said = pod["metadata"].get("annotations", {}).get(PROGRESS_ANNOTATION)
    rungs = {} if said is None else json.loads(said)["rungs"]
    return {(int(step), tuple(metrics[name] for name in names)) for step, metrics in rungs.items()}


def _result_at_pause(pod: Body, names: Sequence[str]) -> set[Reported]:
    (container,) = pod["spec"]["containers"]
    until = next(int(item["value"]) for item in container["env"] if item["name"] == "EVONAS_UNTIL")
    annotations = pod["metadata"].get("annotations", {})
    if REWARD_ANNOTATION not in annotations:
        return set()
    metrics = json.loads(annotations.get(METRICS_ANNOTATION, "{}"))
    values = [float(annotations[REWARD_ANNOTATION]) if name == "reward" else metrics[name] for name in names]
    return {(until, tuple(values))}


def _rungs(body: Body) -> list[Body]:
    rungs: list[Body] = body.get("status", {}).get("rungs", [])
    return rungs


def _without_promotion(rung: Body) -> Body:
    return {field: value for field, value in rung.items() if field != "promotedAfter"}


def _promotions(body: Body) -> list[tuple[int, int]]:
    return [(rung["step"], rung["promotedAfter"]) for rung in _rungs(body) if "promotedAfter" in rung]


def _places(status: Mapping[str, Any]) -> set[int]:
    """Return a trial's places in the sequence; a stopped one's last rung and its end have one."""
    rungs = {rung["sequence"] for rung in status.get("rungs", ())}
    return rungs | ({status["sequence"]} if "sequence" in status else set())


def assert_known_before_all(story: Story) -> Experience:
    """What the agent knew from earlier searches was recorded once, before any trial, and never changed; return it."""
    spec = _spec(story)
    told = [(type, body) for type, body in story.events[CONFIG_MAPS.plural] if _is_ours(body)]
    if spec.knowledge is None or why_unused(spec) is not None:
        assert told == []
        return NO_EXPERIENCE
    ((type, body),) = told
    first = min(int(body["metadata"]["resourceVersion"]) for _, body in story.events[TRIALS.plural])
    assert type == "ADDED"
    assert int(body["metadata"]["resourceVersion"]) < first, "a trial was recorded before what its agent knew"
    known = from_config_map(body)
    (search,) = story.objects(SEARCHES)
    assert search["status"]["knowledge"]["digest"] == known.knowledge.digest
    return known.knowledge.experience


def assert_proposals_as_undisturbed(spec: SearchSpec, trials: list[Trial], experience: Experience) -> None:
    """Each candidate is what an agent proposes that was told the same results in the same order and never stopped."""
    for position, trial in enumerate(trials):
        if not trial.is_proposed:
            continue
        known = [_as_seen(earlier, trial.proposal.observed_up_to) for earlier in trials[:position]]
        proposer = Proposer(spec, experience)
        (again,) = proposer.propose(proposer.collect(TrialTable(known)), 1)
        assert (again.index, again.decisions, again.proposal) == (trial.index, trial.decisions, trial.proposal)


def assert_nothing_orphaned(story: Story) -> None:
    """Each record has its search, each Job its Trial, each pod its Job, and every Job is released."""
    owners = {body["metadata"]["uid"] for body in story.objects(SEARCHES)}
    for body in filter(_is_ours, story.objects(CONFIG_MAPS)):
        assert {reference["uid"] for reference in body["metadata"]["ownerReferences"]} <= owners
    makers = _makers(story)
    for ours in ([body for body in story.objects(TRIALS) if _is_ours(body)], makers):
        for body in ours:
            (owner,) = body["metadata"]["ownerReferences"]
            assert owner["uid"] in owners, f"{body['kind']} {body['metadata']['name']} has lost its owner"
        owners = {body["metadata"]["uid"] for body in ours}
    names = {body["metadata"]["name"] for body in makers}
    for body in filter(_is_ours, story.objects(PODS)):
        assert _maker_of(body) in names, f"pod {body['metadata']['name']} has lost its owner"
    assert all("ttlSecondsAfterFinished" in body["spec"] for body in makers), "a Job was never released"


def _makers(story: Story) -> list[Body]:
    """Return what has made the pods of attempts."""
    return [body for kind in MAKERS for body in story.objects(kind) if _is_ours(body)]


def _is_whole(jobset: Body, pods: Iterable[Body], story: Story) -> bool:
    """Say whether a JobSet of ours has all pods that it is going to have."""
    if not _is_ours(jobset) or "deletionTimestamp" in jobset["metadata"] or _jobset_is_over(jobset):
        return True
    made = Counter(map(_maker_of, pods))[jobset["metadata"]["name"]]
    return made >= _pods_of_a_trial(_spec(story))


def _maker_of(pod: Body) -> str:
    """Return the name of what has made a pod."""
    owner: str = pod["metadata"]["ownerReferences"][0]["name"]
    return str(pod["metadata"]["labels"].get(_JOBSET_OF, owner))


def _pods_of_a_trial(spec: SearchSpec) -> int:
    return 1 if spec.trial.workload is None else spec.trial.workload.pods


def attempt_of(body: Mapping[str, Any]) -> tuple[int, int]:
    """Return (index, attempt) of a Job or pod."""
    labels = body["metadata"]["labels"]
    return int(labels[INDEX_LABEL]), int(labels[ATTEMPT_LABEL])


def _as_seen(trial: Trial, observed: int) -> Trial:
    """Return an earlier trial as it stood when that many results were known."""
    if trial.sequence is not None and trial.sequence <= observed:
        return trial
    rungs = tuple(rung for rung in trial.rungs if rung.sequence <= observed)
    return replace(trial, state=TrialState.RUNNING, sequence=None, reward=None, rungs=rungs)


def _spec(story: Story) -> SearchSpec:
    (body,) = story.objects(SEARCHES)
    manifest = {key: body[key] for key in ("apiVersion", "kind", "spec")}
    return SearchSpec.parse({**manifest, "metadata": {"name": body["metadata"]["name"]}})


def _is_ours(body: Mapping[str, Any]) -> bool:
    labels = body["metadata"].get("labels", {})
    return labels.get(MANAGED_BY_LABEL) == MANAGED_BY and bool(body["metadata"].get("ownerReferences"))


def _state(body: Mapping[str, Any]) -> TrialState:
    return TrialState(body.get("status", {}).get("state", "Pending"))


def _holds(body: Mapping[str, Any], type: str) -> bool:
    conditions = body.get("status", {}).get("conditions", ())
    return any(item["type"] == type and item["status"] == "True" for item in conditions)


def _pod_is_over(body: Mapping[str, Any]) -> bool:
    return body.get("status", {}).get("phase") in ("Succeeded", "Failed")


def _has_result(pod: Mapping[str, Any]) -> bool:
    """Say whether a pod is one that reports and has ended well, or one that has found its candidate infeasible."""
    labels = pod["metadata"]["labels"]
    reports = labels.get(_GROUP_OF, DRIVER) == DRIVER and labels.get(_PLACE_IN, "0") == "0"
    codes = [item["state"].get("terminated", {}).get("exitCode") for item in pod["status"].get("containerStatuses", ())]
    return INFEASIBLE_EXIT_CODE in codes or (reports and 0 in codes)


def _job_is_over(body: Mapping[str, Any]) -> bool:
    return _holds(body, "Complete") or _holds(body, "Failed")


def _jobset_is_over(body: Mapping[str, Any]) -> bool:
    return _holds(body, "Completed") or _holds(body, "Failed")


def _ever(story: Story, plural: str) -> list[str]:
    """Return the names of all objects that ever were."""
    ours = {body["metadata"]["uid"]: body["metadata"]["name"] for _, body in story.events[plural] if _is_ours(body)}
    return sorted(ours.values())
