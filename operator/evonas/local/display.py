"""What `evonas run` shows while it runs: a progress bar on a terminal, one line per trial elsewhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from evonas.search.plan import Plan
from evonas.search.status import count_states
from evonas.search.trial import Trial, TrialState
from evonas.spec import SearchSpec


class Display:
    """An observer of a local run; use it as a context manager."""

    def __init__(self, spec: SearchSpec, console: Console) -> None:
        self._spec = spec
        self._console = console
        self._durations: list[float] = []
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[running]} running · best {task.fields[best]} · {task.fields[left]} left"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(
            spec.name, total=min(spec.budget.max_trials, spec.space.size), running=0, best="-", left="?"
        )

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def on_record(self, trial: Trial) -> None:
        """Print the outcome of a finished trial, and what went wrong with one that is tried again."""
        if trial.state.is_final and trial.start_time is not None and trial.completion_time is not None:
            self._durations.append((trial.completion_time - trial.start_time).total_seconds())
        if trial.state is TrialState.SUCCEEDED and trial.reward is not None:
            said = f"{trial.reward:.6g}"
        elif trial.state.is_final:
            said = f"{trial.state}: {trial.reason} {trial.message}".strip()
        elif trial.attempts and trial.state is TrialState.QUEUED:
            said = f"attempt {trial.attempts[-1].number} failed, retrying: {trial.message}"
        else:
            return
        clock = datetime.now(UTC).astimezone().strftime("%H:%M:%S")
        self._console.print(
            f"{clock} trial {trial.index:>4}  {said}  {json.dumps(dict(trial.decisions))}",
            markup=False,
            highlight=False,
        )

    def on_plan(self, decided: Plan) -> None:
        """Move the progress bar."""
        counts = count_states(decided.totals)
        done = counts["total"] - counts["queued"] - counts["running"]
        best = decided.totals.best
        self._progress.update(
            self._task,
            completed=done,
            running=counts["total"] - done + decided.proposals,
            best="-" if best is None or best.reward is None else f"{best.reward:.6g} (trial {best.index})",
            left=self._left(done),
        )

    def _left(self, done: int) -> str:
        if not self._durations:
            return "?"
        mean = sum(self._durations) / len(self._durations)
        total = min(self._spec.budget.max_trials, self._spec.space.size)
        seconds = int(mean * (total - done) / self._spec.budget.parallel_trials)
        return f"{seconds // 60}:{seconds % 60:02d}"
