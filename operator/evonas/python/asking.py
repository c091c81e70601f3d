"""Ask and tell: a search whose trials the caller runs in a loop of its own. The passes, the journal and the rules are
those of a local run; only the attempts are the caller's.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evonas.errors import EvonasError
from evonas.launch import Launch
from evonas.local.passes import Passes
from evonas.python.here import Quiet
from evonas.python.trials import Trial, trial_of
from evonas.search import trial as recorded
from evonas.search.attempt import AttemptPhase, AttemptView, Ending, QueuedReason, Verdict
from evonas.search.plan import Plan
from evonas.search.reuse import fingerprint_of
from evonas.search.trial_progress import Progress, with_rung_reached
from evonas.search.trial_report import Report
from evonas.spec import SearchSpec


class AskedTrials:
    """The attempts that the caller was asked for and has not told the end of."""

    def __init__(self, spec: SearchSpec) -> None:
        self._spec = spec
        self._views: dict[int, AttemptView] = {}
        self.waiting: deque[int] = deque()
        """Indexes of trials to hand out."""

    def start(self, trial: recorded.Trial) -> None:
        """Have the trial handed out."""
        self._views.pop(trial.index, None)
        self.waiting.append(trial.index)

    def view(self, trial: recorded.Trial) -> AttemptView | None:
        """Return what the caller has told."""
        if trial.index in self.waiting:
            return AttemptView(trial.current_attempt, AttemptPhase.QUEUED, QueuedReason.STARTING)
        return self._views.get(trial.index)

    def stop(self, attempts: Iterable[tuple[int, int]]) -> None:
        """Forget them; ``tell`` will say that they were stopped."""
        for index, _ in attempts:
            self._views.pop(index, None)
            if index in self.waiting:
                self.waiting.remove(index)

    def hand_out(self, trial: recorded.Trial) -> None:
        """Note that the caller has the trial now."""
        now = datetime.now(UTC)
        self._views[trial.index] = AttemptView(
            trial.current_attempt, AttemptPhase.RUNNING, held_since=now, start_time=now
        )

    def has(self, index: int) -> bool:
        """Return whether the caller has the trial."""
        return index in self._views

    def progressed(self, index: int, step: int, metrics: Mapping[str, float]) -> None:
        """Note how far a trial is."""
        view = self._views[index]
        known = {} if view.progress is None else view.progress.rungs
        steps = () if self._spec.fidelity is None else self._spec.fidelity.steps
        rungs = with_rung_reached(known, steps, step, metrics)
        self._views[index] = replace(view, progress=Progress(step, metrics, rungs))

    def ended(self, trial: recorded.Trial, ending: Ending) -> None:
        """Note how a trial ended."""
        self._views[trial.index] = replace(
            self._views[trial.index],
            phase=AttemptPhase.ENDED,
            end_time=datetime.now(UTC),
            ending=ending,
            holds_resources=False,
            fingerprint=fingerprint_of(self._spec, trial.decisions),
        )


class Asking:
    """An open search that hands out its trials, to threads too; no other process runs it meanwhile."""

    def __init__(self, manifest: Mapping[str, Any], runs: Path) -> None:
        """EvonasError if the search cannot be opened, or pauses trials."""
        self._lock = threading.Lock()
        self._launch = Launch(manifest, runs, lambda said: None, trains=False)
        try:
            if self._launch.spec.pauses:
                raise EvonasError("rungs: ask and tell cannot pause trials; use mode='Stop', or run a function")
            # Whoever asks decides how many run at a time.
            budget = self._launch.spec.budget
            self._spec = replace(self._launch.spec, budget=replace(budget, parallel_trials=budget.max_trials))
            self._attempts = AskedTrials(self._spec)
            self._has_news = False
            self._passes = self._passes_from_the_record()
        except BaseException:
            self._launch.close()
            raise

    def close(self) -> None:
        """Let other processes run the search; what was asked and not told is handed out again."""
        with self._lock:
            self._launch.close()

    def ask(self) -> Trial | None:
        """Return a trial to run, first those of an earlier process that nobody told the end of. None if there is none:
        the search is over, or needs the ends of those that were asked.
        """
        with self._lock:
            while True:
                self._has_news = False
                decided = self._make(0 if self._attempts.waiting else 1)
                if self._attempts.waiting:
                    trial = self._launch.journal.trials[self._attempts.waiting.popleft()]
                    self._attempts.hand_out(trial)
                    return trial_of(self._spec, trial)
                if decided.is_over or not (self._has_news or decided.imports or decided.records):
                    return None

    def tell(self, index: int, ending: Ending) -> Trial:
        """Record how a trial ended and return it as recorded; EvonasError if the caller does not have it."""
        with self._lock:
            self._check_asked("tell", index)
            self._attempts.ended(self._launch.journal.trials[index], ending)
            self._make(0)
            return trial_of(self._spec, self._launch.journal.trials[index])

    def report(self, index: int, step: int, metrics: Mapping[str, float]) -> bool:
        """Note how far a trial is; returns whether it should go on, which only a search with rungs denies."""
        with self._lock:
            self._check_asked("report", index)
            self._attempts.progressed(index, step, metrics)
            self._make(0)
            return not self._launch.journal.trials[index].state.is_final

    @property
    def folder(self) -> Path:
        """The search's folder."""
        return self._launch.folder

    def _make(self, most: int) -> Plan:
        """Make a pass. Where it fails, as on a full disk, the next one begins with what is recorded, and not with an
        agent that has proposed what is not.
        """
        try:
            return self._passes.make(most)
        except BaseException:
            self._passes = self._passes_from_the_record()
            raise

    def _passes_from_the_record(self) -> Passes:
        launch = self._launch
        results = launch.gather()
        return Passes(self._spec, launch.journal, launch.folder, self._attempts, Quiet(), self._note_news, results)

    def _check_asked(self, call: str, index: int) -> None:
        if self._attempts.has(index):
            return
        known = self._launch.journal.trials.get(index)
        if known is None:
            raise EvonasError(f"{call}: {self._spec.name} has no trial {index}; {call} of trials that ask has returned")
        if known.state.is_final:
            raise EvonasError(f"{call}: trial {index} has ended already: {known.outcome}")
        raise EvonasError(f"{call}: trial {index} was not handed out by this process; ask returns it first")

    def _note_news(self) -> None:
        self._has_news = True


def succeeded(reward: float | None, metrics: Mapping[str, float]) -> Ending:
    """Return the end of a trial with a result."""
    return Ending(Verdict.REPORTED, report=Report(reward, metrics))


def infeasible(why: str) -> Ending:
    """Return the end of a trial whose candidate cannot be trained."""
    return Ending(Verdict.INFEASIBLE, "Infeasible", why, Report(infeasible=why))


def failed(why: str) -> Ending:
    """Return the end of a trial that says nothing about its candidate; it is handed out again while it has retries."""
    return Ending(Verdict.BROKEN, "Failed", why)
