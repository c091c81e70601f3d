"""The plan under a hostile world: attempts end in any order and way, Jobs vanish, passes die half-way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.search.attempt import AttemptPhase, AttemptView, Disruption, Ending, QueuedReason, Verdict
from evonas.search.plan import Plan, plan
from evonas.search.table import TrialTable
from evonas.search.totals import RunningTotals, Totals
from evonas.search.trial import MAX_ATTEMPTS, ProposalRecord, Trial, TrialState
from evonas.search.trial_report import Report
from evonas.spec import SearchSpec
from tests.tier import examples
from tests.unit.search.support import succeeded, totals_of

START = datetime(2026, 1, 1, tzinfo=UTC)
ENDINGS = {
    "reward": Ending(Verdict.REPORTED, report=Report(reward=0.5)),
    "silent": Ending(Verdict.REPORTED, report=Report()),
    "infeasible": Ending(Verdict.INFEASIBLE, "Infeasible"),
    "broken": Ending(Verdict.BROKEN, "NonZeroExitCode"),
    "timeout": Ending(Verdict.USELESS, "DeadlineExceeded"),
}


def spec_of(
    parallel: int,
    most: int,
    retries: int,
    gpu_hours: float | None,
    seconds: int | None = None,
    replicas: int = 1,
    **spec: Any,
) -> SearchSpec:
    budget: dict[str, Any] = {"maxTrials": most, "parallelTrials": parallel, "maxFailedTrials": 1000}
    if gpu_hours is not None:
        budget["maxGPUHours"] = gpu_hours
    if seconds is not None:
        budget["maxSeconds"] = seconds
    if replicas > 1:
        budget["devicesPerGPU"] = {"example.com/gpu": replicas}
    container = {"name": "trial", "image": "none", "resources": {"limits": {"example.com/gpu": 2}}}
    return SearchSpec.parse(
        {
            "apiVersion": "evonas.dev/v1alpha1",
            "kind": "ArchitectureSearch",
            "metadata": {"name": "world"},
            "spec": {
                "searchSpace": [{"name": "a", "values": list(range(100))}],
                "budget": budget,
                "trial": {
                    "retries": retries,
                    "timeoutSeconds": 1800,
                    "template": {"spec": {"containers": [container]}},
                },
                **spec,
            },
        }
    )


class World:
    """Records and attempts as an API server would hold them."""

    def __init__(self, spec: SearchSpec, draw: Callable[..., Any]) -> None:
        self.spec = spec
        self.draw = draw
        self.now = START
        self.hostile = True
        self.trials: dict[int, Trial] = {}
        self.views: dict[tuple[int, int], AttemptView] = {}
        self.final: dict[int, Trial] = {}
        self.table = TrialTable()
        self.totals = RunningTotals(spec.objectives)
        self.disruptions = 0

    def look(self) -> Plan:
        views: dict[int, AttemptView] = {}
        for index, trial in self.trials.items():
            number = trial.current_attempt
            view = self.views.get((index, number)) or self.views.get((index, number - 1))
            if view is not None and not trial.state.is_final:
                views[index] = view
        created = dict.fromkeys(self.trials, START)
        finished = self.totals.update(self.table)
        unfinished = [self.table.unfinished[index] for index in sorted(self.table.unfinished)]
        decided = plan(self.spec, finished, unfinished, views, created=created, start_time=START, now=self.now)
        # The pass that looks at what is new alone decides as one that looks at all.
        whole = Totals(self.spec.objectives, [trial for trial in self.trials.values() if trial.state.is_final])
        again = plan(self.spec, whole, unfinished, views, created=created, start_time=START, now=self.now)
        assert replace(again, totals=decided.totals) == decided
        return decided

    def act(self, decided: Plan, *, survive: int) -> None:
        """Perform the first ``survive`` writes of a plan, in its order; the process dies then."""
        writes: list[Callable[[], None]] = [lambda trial=trial: self.record(trial) for trial in decided.records]  # type: ignore[misc]
        writes += [lambda stop=stop: self.stop(*stop) for stop in decided.stops]  # type: ignore[misc]
        writes += [lambda start=start: self.start(*start) for start in decided.starts]  # type: ignore[misc]
        for _ in range(decided.proposals):
            writes += [self.propose, self.start_newest]
        for write in writes[:survive]:
            write()

    def record(self, trial: Trial) -> None:
        assert trial.index not in self.final, "a final record never changes"
        self.put(trial)
        assert len(trial.attempts) <= MAX_ATTEMPTS
        if trial.state.is_final:
            self.final[trial.index] = trial
            assert (trial.sequence is None) == (trial.state in (TrialState.FAILED, TrialState.CANCELLED))

    def put(self, trial: Trial) -> None:
        self.trials[trial.index] = trial
        self.table.put(trial)

    def propose(self) -> None:
        index = max(self.trials, default=-1) + 1
        self.put(Trial(index, {"a": index}, ProposalRecord("random", None, (), 0)))

    def start_newest(self) -> None:
        self.start(max(self.trials), 1)

    def start(self, index: int, number: int) -> None:
        earlier = [view for (i, n), view in self.views.items() if i == index and n < number]
        assert all(not view.holds_resources for view in earlier), "two attempts of one trial at once"
        assert number <= self.spec.trial.retries + 1
        assert (index, number) not in self.views
        self.views[index, number] = self.running(number)

    def stop(self, index: int, number: int) -> None:
        self.views.pop((index, number), None)

    def running(self, number: int) -> AttemptView:
        return AttemptView(number, AttemptPhase.RUNNING, held_since=self.now, start_time=self.now)

    def disrupt(self, view: AttemptView) -> AttemptView:
        self.disruptions += 1
        name = f"pod-{self.disruptions}"
        ended = Disruption(name, "PreemptionByScheduler", "", None, view.held_since, view.start_time, self.now)
        return AttemptView(
            view.number, AttemptPhase.QUEUED, QueuedReason.DISRUPTED, disruptions=(*view.disruptions, ended)
        )

    def pass_time(self, *, watched: bool) -> None:
        self.now += timedelta(seconds=600)
        for key, view in list(self.views.items()):
            if view.phase is AttemptPhase.ENDED:
                self.views[key] = replace(view, holds_resources=False)
            elif view.phase is AttemptPhase.QUEUED:
                # The Job starts a replacement by itself; one that nobody was there to weigh may break a GPU budget.
                if watched:
                    self.views[key] = replace(self.running(view.number), disruptions=view.disruptions)
            elif self.hostile and self.draw(st.integers(0, 4)) == 0:
                self.views[key] = self.disrupt(view)
            elif view.start_time is not None and (not self.hostile or self.draw(st.booleans())):
                end = min(self.now, view.start_time + timedelta(seconds=self.spec.trial.timeout_seconds))
                ending = ENDINGS[self.draw(st.sampled_from(sorted(ENDINGS)))]
                self.views[key] = replace(view, phase=AttemptPhase.ENDED, end_time=end, ending=ending)
            elif self.now - (view.start_time or self.now) >= timedelta(seconds=self.spec.trial.timeout_seconds):
                self.views[key] = replace(view, phase=AttemptPhase.ENDED, end_time=self.now, ending=ENDINGS["timeout"])
            elif self.hostile and self.draw(st.integers(0, 9)) == 0:
                del self.views[key]  # somebody deleted the Job

    def check(self) -> None:
        unfinished = [trial for trial in self.trials.values() if not trial.state.is_final]
        assert len(unfinished) <= self.spec.budget.parallel_trials
        assert len(self.trials) <= self.spec.budget.max_trials
        sequences = sorted(trial.sequence for trial in self.trials.values() if trial.sequence is not None)
        assert len(sequences) == len(set(sequences))


@settings(max_examples=examples(150))
@given(
    data=st.data(),
    parallel=st.integers(1, 4),
    most=st.integers(4, 10),
    retries=st.integers(0, 2),
    gpu_hours=st.sampled_from([None, 3.0, 6.0]),
    replicas=st.sampled_from([1, 3]),
    seconds=st.sampled_from([None, 3000]),
    on_complete=st.sampled_from(["Drain", "Cancel"]),
)
def test_world_ends_with_every_promise_kept(
    data: st.DataObject,
    parallel: int,
    most: int,
    retries: int,
    gpu_hours: float | None,
    replicas: int,
    seconds: int | None,
    on_complete: str,
) -> None:
    world = World(spec_of(parallel, most, retries, gpu_hours, seconds, replicas, onComplete=on_complete), data.draw)
    for turn in range(400):
        # The world is hostile for a while and fair afterwards: nothing ends under a process that always dies.
        world.hostile = turn < 40
        decided = world.look()
        crashed = world.hostile and data.draw(st.booleans())
        world.act(decided, survive=data.draw(st.integers(0, 6)) if crashed else 10_000)
        world.check()
        if decided.is_over and not crashed:
            break
        world.pass_time(watched=not crashed)
    decided = world.look()
    assert decided.is_over
    assert decided.limit is not None
    assert decided.limit.failed == (decided.totals.best is None)
    assert (decided.records, decided.starts, decided.proposals) == ((), (), 0)
    assert all(trial.state.is_final for trial in world.trials.values())
    if gpu_hours is None and seconds is None:
        assert sorted(world.trials) == list(range(most))
    if gpu_hours is not None:
        assert sum(trial.gpu_seconds for trial in world.trials.values()) <= gpu_hours * 3600
    cancelled = [trial for trial in world.trials.values() if trial.state is TrialState.CANCELLED]
    assert not cancelled or (on_complete == "Cancel" and "MaxSecondsReached" in str(decided.limit))


def test_suspension_starts_nothing() -> None:
    spec = replace(spec_of(3, 10, 2, None), suspend=True)
    pending = Trial(0, {"a": 0}, ProposalRecord("random", None, (), 0))
    decided = plan(spec, totals_of([]), [pending], {}, created={0: START}, start_time=START, now=START)
    assert not decided.starts
    assert not decided.proposals
    assert not decided.is_over


def running(number: int = 1, **fields: Any) -> AttemptView:
    return AttemptView(number, AttemptPhase.RUNNING, held_since=START, start_time=START, **fields)


def disruption(pod: str, seconds: float) -> Disruption:
    ended = START + timedelta(seconds=seconds)
    return Disruption(pod, "PreemptionByScheduler", "a higher priority", "node-1", START, START, ended)


def pass_over(spec: SearchSpec, trial: Trial, view: AttemptView, *before: Trial, hours: float = 1) -> Plan:
    return plan(
        spec,
        totals_of(before),
        [trial],
        {trial.index: view},
        created={trial.index: START},
        start_time=START,
        now=START + timedelta(hours=hours),
    )


def test_disruption_is_listed_and_charged_once_and_uses_up_no_retry() -> None:
    spec = spec_of(1, 10, 0, None)
    trial = Trial(0, {"a": 0}, ProposalRecord("random", None, (), 0))
    queued = AttemptView(1, AttemptPhase.QUEUED, QueuedReason.DISRUPTED, disruptions=(disruption("p", 10),))
    (recorded,) = pass_over(spec, trial, queued).records
    assert (recorded.state, recorded.current_attempt, recorded.disruptions) == (TrialState.QUEUED, 1, 1)
    assert (recorded.attempts[0].pod, recorded.attempts[0].disrupted, recorded.gpu_seconds) == ("p", True, 20)
    assert pass_over(spec, recorded, queued).records == ()
    ended = replace(
        running(disruptions=queued.disruptions),
        phase=AttemptPhase.ENDED,
        end_time=START + timedelta(seconds=5),
        ending=ENDINGS["reward"],
        pod="q",
    )
    (finished,) = pass_over(spec, recorded, ended).records
    assert (finished.state, finished.sequence, finished.gpu_seconds) == (TrialState.SUCCEEDED, 1, 30)
    assert [attempt.pod for attempt in finished.attempts] == ["p", "q"]


def test_disruptions_without_end_keep_the_record_bounded_and_are_each_counted_once() -> None:
    spec = spec_of(1, 10, 0, None)
    trial = Trial(0, {"a": 0}, ProposalRecord("random", None, (), 0))
    seen: tuple[Disruption, ...] = ()
    for count in range(1, 31):
        seen = (*seen, disruption(f"pod-{count}", count))
        view = AttemptView(1, AttemptPhase.QUEUED, QueuedReason.DISRUPTED, disruptions=seen)
        (trial,) = pass_over(spec, trial, view).records
        assert trial.disruptions == count
        assert trial.gpu_seconds == 2 * sum(range(1, count + 1))
    assert len(trial.attempts) == MAX_ATTEMPTS
    assert trial.current_attempt == 1


def test_a_disruption_that_a_full_list_has_dropped_is_not_counted_again_with_another_of_its_second() -> None:
    spec = spec_of(1, 10, 0, None)
    trial = Trial(0, {"a": 0}, ProposalRecord("random", None, (), 0))
    ends = [1.3, 1.6, *range(2, MAX_ATTEMPTS + 1)]
    seen = tuple(disruption(f"pod-{end}", end) for end in ends)
    view = AttemptView(1, AttemptPhase.QUEUED, QueuedReason.DISRUPTED, disruptions=seen)
    (recorded,) = pass_over(spec, trial, view).records
    assert recorded.disruptions == len(ends) == MAX_ATTEMPTS + 1
    # As the API server keeps it: in whole seconds.
    read = [
        replace(each, completion_time=START + timedelta(seconds=int(end)))
        for each, end in zip(recorded.attempts, ends[1:], strict=True)
    ]
    assert pass_over(spec, replace(recorded, attempts=tuple(read)), view).records == ()


def test_words_of_a_queue_that_come_after_the_trial_was_recorded_as_waiting_are_recorded_once() -> None:
    spec = spec_of(1, 10, 0, None)
    trial = Trial(0, {"a": 0}, ProposalRecord("random", None, (), 0))

    def wait(trial: Trial, said: str) -> tuple[Trial, ...]:
        return pass_over(spec, trial, AttemptView(1, AttemptPhase.QUEUED, QueuedReason.QUEUED, said)).records

    (recorded,) = wait(trial, "waits for admission by queue gpus")
    (told,) = wait(recorded, "waits for admission by queue gpus: insufficient quota, 2 more needed")
    assert told.message.endswith("2 more needed")
    assert wait(told, "waits for admission by queue gpus: insufficient quota, 1 more needed") == ()
    assert wait(told, "waits for admission by queue gpus") == ()


def test_cancel_stops_what_runs_when_the_target_is_reached_and_drain_does_not() -> None:
    trial = Trial(1, {"a": 1}, ProposalRecord("random", None, (), 0))
    for choice, stops in (("Cancel", ((1, 1),)), ("Drain", ())):
        spec = spec_of(2, 10, 0, None, objective={"target": 0.5}, onComplete=choice)
        decided = plan(
            spec,
            totals_of([succeeded(0, 0.9)], spec),
            [trial],
            {1: running()},
            created={1: START},
            start_time=START,
            now=START + timedelta(seconds=30),
        )
        assert decided.stops == stops
        assert decided.is_over == (choice == "Cancel")
        states = [record.state for record in decided.records]
        assert states == ([TrialState.CANCELLED] if stops else [TrialState.RUNNING])
        assert decided.totals.gpu_seconds == (60 if stops else 0)


def test_cancel_lists_and_charges_an_attempt_that_has_just_failed_once() -> None:
    spec = spec_of(2, 10, 1, None, objective={"target": 0.5}, onComplete="Cancel")
    trial = Trial(1, {"a": 1}, ProposalRecord("random", None, (), 0), state=TrialState.RUNNING)
    failed = AttemptView(
        1,
        AttemptPhase.ENDED,
        start_time=START,
        held_since=START,
        end_time=START + timedelta(seconds=10),
        ending=Ending(Verdict.BROKEN, "Error", "exit code 3"),
        holds_resources=False,
    )
    decided = plan(
        spec,
        totals_of([succeeded(0, 0.9)], spec),
        [trial],
        {1: failed},
        created={1: START},
        start_time=START,
        now=START + timedelta(seconds=30),
    )
    (record,) = decided.records
    assert record.state is TrialState.CANCELLED
    assert [attempt.reason for attempt in record.attempts] == ["Error"]
    assert record.gpu_seconds == 20


def test_last_trials_of_the_budget_are_never_cancelled() -> None:
    spec = spec_of(1, 1, 0, None, onComplete="Cancel")
    trial = Trial(0, {"a": 1}, ProposalRecord("random", None, (), 0), state=TrialState.RUNNING)
    decided = pass_over(spec, trial, running(), hours=0.1)
    assert decided.limit is not None
    assert (decided.limit.reason, decided.stops, decided.records) == ("MaxTrialsReached", (), ())


def test_replacement_that_could_break_the_gpu_budget_is_stopped() -> None:
    spec = spec_of(1, 10, 0, 1.0)  # one trial at worst takes the whole budget
    trial = Trial(0, {"a": 1}, ProposalRecord("random", None, (), 0), state=TrialState.RUNNING)
    decided = pass_over(spec, trial, running(disruptions=(disruption("p", 60),)))
    (record,) = decided.records
    assert (record.state, record.reason, decided.stops) == (TrialState.FAILED, "MaxGPUHoursReached", ((0, 1),))


def test_a_plan_without_new_trials_looks_again_later_not_at_once() -> None:
    nothing = Totals(spec_of(1, 1, 0, None).objectives)
    soon, until, later = (START + timedelta(seconds=seconds) for seconds in (1, 10, 60))
    for decided, wake_at in (
        (Plan(nothing, proposals=2, wake_at=soon), soon),
        (Plan(nothing, proposals=2, wake_at=later), until),
        # Those that are listed or imported ask for another pass as soon as they are recorded.
        (Plan(nothing, listed=(_candidate(0),), wake_at=START), until),
        (Plan(nothing, imports=(_candidate(0),), wake_at=START), until),
    ):
        held = decided.without_new(until)
        assert (held.proposals, held.listed, held.imports, held.wake_at) == (0, (), (), wake_at)


def _candidate(index: int) -> Trial:
    return Trial(index, {"a": index}, ProposalRecord("listed", None, (), 0))
