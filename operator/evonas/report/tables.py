"""Searches and trials as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table

from evonas.recorded.search import Overview, RecordedSearch
from evonas.search.codec import to_time
from evonas.search.objective import values_of
from evonas.search.trial import Trial, in_words
from evonas.search.trial_environment import to_text
from evonas.spec import Objective


def searches_table(overviews: Sequence[Overview], *, wide: bool = False, heading: bool = True) -> Table:
    """Return one line per search; ``wide`` adds columns. A search with several objectives has a front, and what it is
    worth, in place of a best trial.
    """
    table = Table(box=box.SIMPLE_HEAD, show_header=heading)
    fronts = any(overview.front_size is not None for overview in overviews)
    namespaced = any(overview.namespace for overview in overviews)
    for name in (*(["namespace"] if namespaced else []), "name", "phase", "agent"):
        table.add_column(name, overflow="fold")
    for name in (
        *("done", "running", "failed", "best", "trial"),
        *(_FRONT if fronts else ()),
        "GPU h",
        *(_WIDE if wide else ()),
    ):
        table.add_column(name, justify="right")
    for overview in overviews:
        counts = overview.counts
        done = sum(counts.get(state, 0) for state in (*_ENDED, "failed", "paused"))
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
            *(_front(overview) if fronts else ()),
            f"{overview.gpu_seconds / 3600:.2f}",
            *(_more(overview) if wide else ()),
        )
    return table


_FRONT = ("front", "hypervolume")
_ENDED = ("succeeded", "infeasible", "stopped", "cancelled")
_WIDE = (*_ENDED, "paused", "reused", "metric", "made")


def _front(overview: Overview) -> Iterable[str]:
    worth = "-" if overview.hypervolume is None else f"{overview.hypervolume:.6g}"
    return ("-", "-") if overview.front_size is None else (str(overview.front_size), worth)


def _more(overview: Overview) -> Iterable[str]:
    counts = (overview.counts.get(state, 0) for state in (*_ENDED, "paused"))
    metrics = ", ".join((overview.metric, *overview.more_metrics))
    return (*map(str, (*counts, overview.reused)), metrics, to_time(overview.start_time) or "-")


def trials_table(record: RecordedSearch, trials: Iterable[Trial] | None = None, *, wide: bool = False) -> Table:
    """Return one line per trial, by default for all of them; ``wide`` adds columns."""
    table = Table(box=box.SIMPLE_HEAD, title=record.source, title_justify="left")
    objectives = record.spec.objectives
    for heading in ("trial", "origin", "state", *(each.name for each in objectives), "ended", "decisions"):
        table.add_column(heading, justify="right" if heading == "trial" else "left", overflow="fold")
    for more in ("attempts", "seconds", "message") if wide else ():
        table.add_column(more, justify="left" if more == "message" else "right", overflow="fold")
    for trial in record.trials if trials is None else trials:
        origin = trial.proposal.origin
        table.add_row(
            str(trial.index),
            origin if trial.proposal.parent is None else f"{origin} of {trial.proposal.parent}",
            in_words(trial.state, trial.reason),
            *_reached(objectives, trial),
            to_time(trial.completion_time) or "-",
            " ".join(f"{name}={to_text(value)}" for name, value in trial.decisions.items()),
            *((str(len(trial.attempts)), _seconds(trial), " ".join(trial.message.split()) or "-") if wide else ()),
        )
    return table


def _reached(objectives: Sequence[Objective], trial: Trial) -> Iterable[str]:
    """Return its value in each objective or, without a reward, what it had at its last rung."""
    values = values_of(objectives, trial)
    if values is not None:
        return (f"{value:.6g}" for value in values)
    said = trial.rungs[-1].in_words if trial.rungs else "-"
    return (said, *("-" for _ in objectives[1:]))


def _seconds(trial: Trial) -> str:
    return "-" if trial.seconds is None else f"{trial.seconds:.0f}"
