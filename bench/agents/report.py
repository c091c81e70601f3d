"""The tables and the figures: what is printed, and what goes into the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.agents.runs import Run
from bench.agents.statistics import at_budget, difference, estimate, mean_over, share_to_reach, solved
from bench.agents.tables import COLLECTIONS
from bench.printing import markdown_head, markdown_row
from evonas.recorded.curves import moving_average
from evonas.search.totals import WINDOW

HYBRID, PARENTS = "evonas", ("evolution", "neural")
Results = Mapping[str, Sequence[Run]]
"""Runs of one problem by the contestant's label."""


def worth_of(runs: Sequence[Run]) -> NDArray[np.float64]:
    """Return [seeds, trials]."""
    return np.array([run.worth for run in runs])


def table(
    name: str,
    curves: Mapping[str, NDArray[np.float64]],
    budgets: Sequence[int],
    optimum: float | None,
    floor: float | None = None,
) -> str:
    """Return a Markdown table of one problem, one line for each contestant; ``floor`` as in ``Problem``."""
    head = ["", *(f"{budget} trials" for budget in budgets)]
    with_parents = all(parent in curves for parent in PARENTS)
    if optimum is not None:
        head.append("solved")
    if with_parents:
        goal = max(float(at_budget(curves[parent], budgets[-1]).mean()) for parent in PARENTS)
        head.append("share to the better parent's end")
    lines = [
        f"**{name}**, {len(next(iter(curves.values())))} seeds",
        "",
        *markdown_head(head),
    ]
    for label, worth in curves.items():
        cells = [label, *(str(estimate(at_budget(worth, budget))) for budget in budgets)]
        if optimum is not None:
            cells.append(f"{solved(worth, optimum)}/{len(worth)}")
        if with_parents:
            share, low, high = share_to_reach(worth[:, : budgets[-1]], goal)
            cells.append(f"{share:.0%} [{low:.0%}, {high:.0%}]")
        lines.append(markdown_row(cells))
    if floor is not None:
        lines += ["", f"The luckiest of all candidates, each tried once: {floor:.3f}."]
    return "\n".join(lines) + "\n"


def collections(results: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Return the mean curves of the collections of tables that have several problems among the results."""
    means = {}
    for collection in COLLECTIONS:
        members = [curves for name, curves in results.items() if name.startswith(collection)]
        if len(members) > 1:
            labels = [label for label in members[0] if all(label in curves for curves in members)]
            means[f"{collection}, mean"] = {label: mean_over([curves[label] for curves in members]) for label in labels}
    return means


def versus_parents(
    results: Mapping[str, Mapping[str, NDArray[np.float64]]], budgets: Mapping[str, Sequence[int]]
) -> str:
    """Return a Markdown table: the hybrid minus the better parent at each budget, in standard errors."""
    lines = markdown_head(["problem", "hybrid minus better parent, in standard errors"])
    for name, curves in results.items():
        if HYBRID not in curves or not all(parent in curves for parent in PARENTS):
            continue
        cells = []
        for budget in budgets[name]:
            parents = [estimate(at_budget(curves[parent], budget)) for parent in PARENTS]
            better = max(parents, key=lambda parent: parent.mean)
            cells.append(f"{difference(estimate(at_budget(curves[HYBRID], budget)), better):+.1f} at {budget}")
        lines.append(markdown_row([name, ", ".join(cells)]))
    return "\n".join(lines) + "\n"


def steps(results: Mapping[str, Results]) -> str:
    """Return a Markdown table of the milliseconds for one proposal and one observation."""
    labels = list(dict.fromkeys(label for runs in results.values() for label in runs))
    lines = markdown_head(["ms per step", *labels])
    for name, runs in results.items():
        times = [
            f"{np.mean([run.milliseconds for run in runs[label]]):.1f}" if label in runs else "" for label in labels
        ]
        lines.append(markdown_row([name, *times]))
    return "\n".join(lines) + "\n"


def picture(name: str, results: Results, path: Path) -> None:
    """Draw the paper's two figures: the moving average of the rewards on the left, the best so far on the right. Lines
    are means over seeds, bands one standard error. On the left, the curves end where the first run ended; on the right,
    runs that ended early are continued to the end.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for label, runs in results.items():
        length = min(len(run.rewards) for run in runs)
        averages = np.array([moving_average(run.rewards[:length]) for run in runs])
        for axes, curves in ((left, averages), (right, worth_of(runs))):
            trials = np.arange(1, curves.shape[1] + 1)
            mean, error = curves.mean(axis=0), curves.std(axis=0, ddof=1) / np.sqrt(len(curves))
            axes.plot(trials, mean, label=label)
            axes.fill_between(trials, mean - error, mean + error, alpha=0.2)
    left.set(title=f"Moving average of {WINDOW} trials", xlabel="trials", ylabel="reward")
    right.set(title="Best so far", xlabel="trials", ylabel="reward")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=6)
    figure.suptitle(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
