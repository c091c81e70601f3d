"""Searches and trials as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table

from evonas.search.codec import to_time
from evonas.search.contract import to_text
from evonas.search.recorded import Overview, RecordedSearch
from evonas.search.trial import Trial, in_words


def searches_table(overviews: Sequence[Overview]) -> Table:
    """Return one line a search."""
    table = Table(box=box.SIMPLE_HEAD)
    namespaced = any(overview.namespace for overview in overviews)
    for heading in (*(["namespace"] if namespaced else []), "name", "phase", "agent"):
        table.add_column(heading, overflow="fold")
    for heading in ("done", "running", "failed", "best", "trial", "GPU h"):
        table.add_column(heading, justify="right")
    for overview in overviews:
        counts = overview.counts
        done = sum(counts.get(state, 0) for state in ("succeeded", "infeasible", "failed", "cancelled"))
        table.add_row(
            *([overview.namespace] if namespaced else []),
            overview.name,
            overview.phase,
            overview.agent,
            f"{done}/{overview.max_trials}",
            str(counts.get("running", 0) + counts.get("queued", 0)),
            str(counts.get("failed", 0)),
            "-" if overview.best is None else f"{overview.best:.6g}",
            "-" if overview.best_index is None else str(overview.best_index),
            f"{overview.gpu_seconds / 3600:.2f}",
        )
    return table


def trials_table(record: RecordedSearch, trials: Iterable[Trial] | None = None) -> Table:
    """Return one line a trial, by default all of them."""
    table = Table(box=box.SIMPLE_HEAD, title=record.source, title_justify="left")
    for heading in ("trial", "origin", "state", record.spec.objective.metric or "reward", "ended", "decisions"):
        table.add_column(heading, justify="right" if heading == "trial" else "left", overflow="fold")
    for trial in record.trials if trials is None else trials:
        origin = trial.proposal.origin
        table.add_row(
            str(trial.index),
            origin if trial.proposal.parent is None else f"{origin} of {trial.proposal.parent}",
            in_words(trial.state, trial.reason),
            "-" if trial.reward is None else f"{trial.reward:.6g}",
            to_time(trial.completion_time) or "-",
            " ".join(f"{name}={to_text(value)}" for name, value in trial.decisions.items()),
        )
    return table
