"""What `evonas run` shows while it runs: one line per trial, and on a terminal the search's progress below them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType

from rich.console import Console
from rich.live import Live

from evonas.report.live import mean_seconds, progress_view, time_left
from evonas.search.objective import in_words as values_in_words
from evonas.search.objective import values_of
from evonas.search.plan import Plan
from evonas.search.trial import PROMOTED, Trial, TrialState, in_words
from evonas.spec import SearchSpec


class Display:
    """An observer of a local run; use it as a context manager. ``trials`` are those of earlier runs."""

    def __init__(self, spec: SearchSpec, console: Console, trials: Iterable[Trial]) -> None:
        self._spec = spec
        self._console = console
        self._ended = {trial.index: trial for trial in trials if _has_ended(trial)}
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> Display:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def on_record(self, trial: Trial) -> None:
        """Print the outcome of a finished trial, what went wrong if one is retried, and who goes on from a pause."""
        if trial.imported is not None:
            return
        if _has_ended(trial):
            self._ended[trial.index] = trial
        if trial.state is TrialState.SUCCEEDED and trial.reward is not None:
            values = values_of(self._spec.objectives, trial) or ()
            said = values_in_words(self._spec.objectives, values) if self._spec.has_several else f"{trial.reward:.6g}"
            if trial.reused is not None:
                said += f", the {trial.message}"
        elif trial.state is TrialState.STOPPED:
            # The reason is the rule, the same for all.
            said = in_words(trial.state, trial.message)
        elif trial.state.is_final:
            said = trial.outcome
        elif trial.state is TrialState.PAUSED or trial.reason == PROMOTED:
            said = in_words("Goes on" if trial.reason == PROMOTED else trial.state, trial.message)
        elif trial.attempts and trial.state is TrialState.QUEUED:
            said = f"attempt {trial.attempts[-1].number} failed, retrying: {trial.message}"
        else:
            return
        clock = datetime.now(UTC).astimezone().strftime("%H:%M:%S")
        self._console.print(
            f"{clock} trial {trial.index:>4}  {said}  {json.dumps(dict(trial.decisions))}",
            # One line a trial, in a file too.
            soft_wrap=True,
        )

    def on_plan(self, decided: Plan) -> None:
        """Show the search's progress."""
        if self._live is not None:
            left = time_left(self._spec, decided.totals, mean_seconds(self._ended.values()))
            view = progress_view(self._spec, decided.totals, self._ended.values(), left)
            self._live.update(view, refresh=True)


def _has_ended(trial: Trial) -> bool:
    """Say whether it was run here, and does not run any more or is paused."""
    return trial.imported is None and (trial.state.is_final or trial.state is TrialState.PAUSED)
