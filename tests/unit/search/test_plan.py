"""The plan under a hostile world: attempts end in any order and way, Jobs vanish, passes die half-way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.search.attempt import AttemptPhase, AttemptView, Ending, Verdict
from evonas.search.plan import Plan, plan
from evonas.search.report import Report
from evonas.search.trial import ProposalRecord, Trial, TrialState
from evonas.spec import SearchSpec

START = datetime(2026, 1, 1, tzinfo=UTC)
ENDINGS = {
    "reward": Ending(Verdict.REPORTED, report=Report(reward=0.5)),
    "silent": Ending(Verdict.REPORTED, report=Report()),
    "infeasible": Ending(Verdict.INFEASIBLE, "Infeasible"),
    "broken": Ending(Verdict.BROKEN, "NonZeroExitCode"),
    "timeout": Ending(Verdict.USELESS, "DeadlineExceeded"),
}


def spec_of(parallel: int, most: int, retries: int, gpu_hours: float | None) -> SearchSpec:
    budget: dict[str, Any] = {"maxTrials": most, "parallelTrials": parallel, "maxFailedTrials": 1000}
    if gpu_hours is not None:
        budget["maxGPUHours"] = gpu_hours
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

    def look(self) -> Plan:
        views: dict[int, AttemptView] = {}
        for index, trial in self.trials.items():
            number = trial.current_attempt
            view = self.views.get((index, number)) or self.views.get((index, number - 1))
            if view is not None and not trial.state.is_final:
                views[index] = view
        trials = [self.trials[index] for index in sorted(self.trials)]
        created = dict.fromkeys(self.trials, START)
        return plan(self.spec, trials, views, created=created, start_time=START, now=self.now)

    def act(self, decided: Plan, *, survive: int) -> None:
        """Perform the first ``survive`` writes of a plan, in its order; the process dies then."""
        writes: list[Callable[[], None]] = [lambda trial=trial: self.record(trial) for trial in decided.records]  # type: ignore[misc]
        writes += [lambda start=start: self.start(*start) for start in decided.starts]  # type: ignore[misc]
        for _ in range(decided.proposals):
            writes += [self.propose, self.start_newest]
        for write in writes[:survive]:
            write()

    def record(self, trial: Trial) -> None:
        assert trial.index not in self.final, "a final record never changes"
        self.trials[trial.index] = trial
        if trial.state.is_final:
            self.final[trial.index] = trial
            assert (trial.sequence is None) == (trial.state is TrialState.FAILED)

    def propose(self) -> None:
        index = max(self.trials, default=-1) + 1
        self.trials[index] = Trial(index, {"a": index}, ProposalRecord("random", None, (), 0))

    def start_newest(self) -> None:
        self.start(max(self.trials), 1)

    def start(self, index: int, number: int) -> None:
        earlier = [view for (i, n), view in self.views.items() if i == index and n < number]
        assert all(not view.holds_resources for view in earlier), "two attempts of one trial at once"
        assert number <= self.spec.trial.retries + 1
        assert (index, number) not in self.views
        self.views[index, number] = AttemptView(number, AttemptPhase.RUNNING, start_time=self.now)

    def pass_time(self) -> None:
        self.now += timedelta(seconds=600)
        for key, view in list(self.views.items()):
            if view.phase is AttemptPhase.ENDED:
                self.views[key] = replace(view, holds_resources=False)
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


@settings(max_examples=150, deadline=None)
@given(
    data=st.data(),
    parallel=st.integers(1, 4),
    most=st.integers(4, 10),
    retries=st.integers(0, 2),
    gpu_hours=st.sampled_from([None, 3.0, 6.0]),
)
def test_world_ends_with_every_promise_kept(
    data: st.DataObject, parallel: int, most: int, retries: int, gpu_hours: float | None
) -> None:
    world = World(spec_of(parallel, most, retries, gpu_hours), data.draw)
    for turn in range(400):
        # The world is hostile for a while and fair afterwards: nothing ends under a process that always dies.
        world.hostile = turn < 40
        decided = world.look()
        crashed = world.hostile and data.draw(st.booleans())
        world.act(decided, survive=data.draw(st.integers(0, 6)) if crashed else 10_000)
        world.check()
        if decided.is_over and not crashed:
            break
        world.pass_time()
    decided = world.look()
    assert decided.is_over
    assert decided.limit is not None
    assert (decided.records, decided.starts, decided.proposals) == ((), (), 0)
    assert all(trial.state.is_final for trial in world.trials.values())
    if gpu_hours is None:
        assert sorted(world.trials) == list(range(most))
    else:
        assert sum(trial.gpu_seconds for trial in world.trials.values()) <= gpu_hours * 3600


def test_suspension_starts_nothing() -> None:
    spec = replace(spec_of(3, 10, 2, None), suspend=True)
    pending = Trial(0, {"a": 0}, ProposalRecord("random", None, (), 0))
    decided = plan(spec, [pending], {}, created={0: START}, start_time=START, now=START)
    assert not decided.starts
    assert not decided.proposals
    assert not decided.is_over
