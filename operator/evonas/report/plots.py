"""Draws the curves of one or several searches, one line each, with matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evonas.errors import EvonasError
from evonas.extras import require
from evonas.recorded.curves import best_so_far, moving_average, rewards_in_order
from evonas.search.totals import WINDOW
from evonas.search.trial import Trial

if TYPE_CHECKING:
    from evonas.report.drawing import Drawing


def save_plots(searches: Mapping[str, Sequence[Trial]], path: Path, *, minimize: bool, metric: str) -> None:
    """Write the drawing; EvonasError if it cannot be written, MissingExtra without matplotlib."""
    save_drawing(draw_plots(searches, minimize=minimize, metric=metric), path)


def save_drawing(figure: Drawing, path: Path) -> None:
    """Write a drawing; EvonasError if it cannot be written."""
    endings = figure.canvas.get_supported_filetypes()
    if path.suffix[1:] not in endings:
        raise EvonasError(f"cannot draw {path}: its name must end in .html, .{', .'.join(sorted(endings))}")
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise EvonasError(f"cannot write {path}: {error.strerror}") from error


def draw_plots(searches: Mapping[str, Sequence[Trial]], *, minimize: bool, metric: str) -> Drawing:
    """Return the paper's figure: the moving average on the left, the best so far on the right, one line per search.
    MissingExtra without matplotlib.
    """
    require("plots", "a picture of the curves")
    from evonas.report.drawing import Drawing  # noqa: PLC0415 - imports matplotlib

    figure = Drawing(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for label, trials in searches.items():
        rewards = rewards_in_order(trials)
        steps = range(1, len(rewards) + 1)
        left.plot(steps, moving_average(rewards), label=label)
        right.step(steps, best_so_far(rewards, minimize=minimize), label=label, where="post")
    left.set(title=f"Moving average of {WINDOW} results", xlabel="results", ylabel=metric)
    right.set(title="Best so far", xlabel="results", ylabel=metric)
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure
