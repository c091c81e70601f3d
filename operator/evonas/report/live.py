"""A running search on a terminal: counts, best or front, the moving average as a row of blocks, the time left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import pairwise

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from evonas.recorded.curves import moving_average, rewards_in_order
from evonas.recorded.search import RecordedSearch
from evonas.report.tables import trials_table
from evonas.search.budget import most_trials
from evonas.search.recommendation import recommend
from evonas.search.status import count_states
from evonas.search.totals import Totals
from evonas.search.trial import Trial
from evonas.spec import SearchSpec
from evonas.wording import counted

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 40
LATEST = 8


def search_view(record: RecordedSearch) -> RenderableType:
    """Return a recorded search as ``evonas watch`` shows it."""
    ended = sorted((trial for trial in record.trials if trial.completion_time), key=_end)
    left = time_left(record.spec, record.totals, mean_seconds(record.trials))
    heading = Text(f"{record.source}: {record.phase}", style="bold")
    return Group(
        heading,
        *([Text(record.learned_from)] if record.learned_from else []),
        progress_view(record.spec, record.totals, record.trials, None if record.phase.is_over else left),
        trials_table(record, ended[-LATEST:]),
    )


def progress_view(spec: SearchSpec, totals: Totals, trials: Iterable[Trial], left: timedelta | None) -> RenderableType:
    """Return a search's progress, in a few lines."""
    counts = count_states(totals)
    total = most_trials(spec, totals)
    done = totals.total - counts["queued"] - counts["running"]
    grid = Table.grid(padding=(0, 2))
    grid.add_row("trials", ProgressBar(total=total, completed=done, width=WIDTH), f"{done}/{total}")
    said = [f"{count} {state}" for state, count in counts.items() if count and state != "total"]
    grid.add_row("", ", ".join([*said, *([f"{totals.reused} reused"] if totals.reused else [])]))
    if (latest := totals.front.latest) is not None:
        front = f"{counted(len(totals.front), 'trial')}, hypervolume {totals.front.hypervolume:.6g}"
        grid.add_row("front", f"{front} (latest: trial {latest.index})")
    elif totals.front.best is not None:
        grid.add_row("front", f"empty: {totals.front.best_in_words}")
    rewards = rewards_in_order(trials)
    if totals.best is not None and rewards:
        metric = spec.objective.name
        grid.add_row("best", f"{metric} {totals.best.reward:.6g} (trial {totals.best.index})")
        if (recommended := recommend(spec, totals)) is not None:
            spread = f"{recommended.expected:.6g} ± {recommended.deviation:.3g}"
            grid.add_row("expected", f"{spread} (trial {recommended.index}, {counted(recommended.runs, 'run')})")
        averages = moving_average(rewards)
        grid.add_row("average", sparkline(averages, WIDTH), f"{averages[-1]:.6g}")
    if left is not None:
        grid.add_row("left", f"about {timedelta(seconds=round(left.total_seconds()))}")
    return grid


def sparkline(values: Sequence[float], width: int) -> str:
    """Return the values as blocks of eight heights, each block the mean of a section of them."""
    count = min(width, len(values))
    if not count:
        return ""
    cuts = [round(place * len(values) / count) for place in range(count + 1)]
    means = [sum(values[low:high]) / (high - low) for low, high in pairwise(cuts)]
    low, high = min(means), max(means)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0
    return "".join(BLOCKS[round((mean - low) * scale)] for mean in means)


def mean_seconds(trials: Iterable[Trial]) -> float | None:
    """Return the average time of a trial from start to end; None before the first has ended."""
    durations = [trial.seconds for trial in trials if trial.seconds is not None]
    return sum(durations) / len(durations) if durations else None


def time_left(spec: SearchSpec, totals: Totals, mean: float | None) -> timedelta | None:
    """Return how long the remaining trials will take if they are like those that ended; None if unknown."""
    if mean is None:
        return None
    to_come = most_trials(spec, totals) - totals.total + totals.unfinished
    if spec.confirm is not None:
        to_come += max(0, spec.confirm.runs - totals.confirmed)
    return timedelta(seconds=mean * to_come / spec.budget.parallel_trials)


def _end(trial: Trial) -> float:
    assert trial.completion_time is not None
    return trial.completion_time.timestamp()
