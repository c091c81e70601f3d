"""The tables and the figure: what is printed, and what goes into the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.agents.statistics import Estimate, at_budget, difference, estimate, share_to_reach
from bench.fronts.catalogue import problem
from bench.fronts.runs import Run
from bench.printing import markdown_head, markdown_row

RANDOM = "random"
Curves = Mapping[str, NDArray[np.float64]]
"""Of one problem the hypervolumes by the contestant's label: [seeds, trials]."""
GROUPS = ("nasbench201", "hpobench", "")
"""Beginnings of problems' names; what is left is synthetic."""
COLUMNS = 3
"""Panels of the figure side by side."""


@dataclass(frozen=True)
class Cell:
    """How one contestant did on one problem, or on several."""

    regret: Estimate
    is_first: bool
    is_level: bool
    """Whether it is behind the first by no more than the standard error of the difference."""

    def __str__(self) -> str:
        text = str(self.regret)
        return f"**{text}**" if self.is_first else f"{text} *" if self.is_level else text


def curves_of(runs: Mapping[str, Sequence[Run]], measure: str) -> dict[str, NDArray[np.float64]]:
    """Return the curves of one measure of ``Run``, of those contestants that have runs."""
    return {label: np.array([getattr(run, measure) for run in some]) for label, some in runs.items() if some}


def regrets(best: float, curves: Curves, budget: int) -> dict[str, NDArray[np.float64]]:
    """Return [seeds] for each contestant: what its front lacks to the best, relative to what the fronts of random
    search lack on average after as many trials.
    """
    unit = best - float(at_budget(curves[RANDOM], budget).mean())
    return {label: (best - at_budget(curve, budget)) / unit for label, curve in curves.items()}


def compare(regrets: Mapping[str, NDArray[np.float64]]) -> dict[str, Cell]:
    """Return the cells of one line."""
    made = {label: estimate(values) for label, values in regrets.items()}
    # Of a single run, no error is known: it is neither first nor level with the first.
    first = min((label for label in made if len(regrets[label]) > 1), key=lambda label: made[label].mean, default=None)
    return {
        label: Cell(each, label == first, first not in (None, label) and difference(each, made[str(first)]) <= 1)
        for label, each in made.items()
    }


def table(results: Mapping[str, Curves], budget: int) -> str:
    """Return a Markdown table of one budget, one line for each problem and for the mean over each group of them."""
    labels = list(dict.fromkeys(label for curves in results.values() for label in curves))
    everything = {name: regrets(problem(name).best, curves, budget) for name, curves in results.items()}
    lines = [f"**{budget} trials**, {_seeds(results)}", "", *markdown_head(["", *labels])]
    for name, values in {**everything, **_means(everything)}.items():
        cells = compare(values)
        lines.append(markdown_row([name, *(str(cells.get(label, "")) for label in labels)]))
    return "\n".join(lines) + "\n"


def places(results: Mapping[str, Curves], label: str, budgets: Sequence[int]) -> str:
    """Return where a contestant is neither first nor level with the first: the problem, the budget, and who is."""
    lost = []
    for name, curves in results.items():
        for budget in budgets:
            cells = compare(regrets(problem(name).best, curves, budget))
            if label not in cells or cells[label].is_first or cells[label].is_level:
                continue
            for first in (other for other, cell in cells.items() if cell.is_first):
                behind = difference(cells[label].regret, cells[first].regret)
                lost.append(f"- {name} at {budget}: behind {first} by {behind:.1f} standard errors")
    count = len(results) * len(budgets)
    head = f"`{label}` is first, or level with the first, in {count - len(lost)} of {count} cells."
    return "\n".join([head, *(["", *lost] if lost else [])]) + "\n"


def speedup(results: Mapping[str, Curves], label: str, peers: Sequence[str]) -> str:
    """Return a Markdown table: the share of the budget after which a contestant's mean hypervolume is that of the best
    peer at the end, with an interval of 95 %.
    """
    lines = markdown_head(["", "best peer at the end", f"share of the trials that `{label}` takes to get there"])
    for name, curves in results.items():
        ends = {peer: float(at_budget(curves[peer], curves[peer].shape[1]).mean()) for peer in peers if peer in curves}
        if label not in curves or not ends:
            continue
        best = max(ends, key=lambda peer: ends[peer])
        share, low, high = share_to_reach(curves[label], ends[best])
        reached = f"{share:.0%} [{low:.0%}, {high:.0%}]"
        lines.append(
            markdown_row([name, best, reached if curves[label].mean(0).max() >= ends[best] else "not reached"])
        )
    return "\n".join(lines) + "\n"


def lost_in_flight(one: Mapping[str, Curves], many: Mapping[str, Curves], budget: int) -> str:
    """Return a Markdown table: how much more regret there is with several trials in flight than one at a time, in
    standard errors of the difference. Both are relative to random search one at a time.
    """
    labels = list(dict.fromkeys(label for curves in many.values() for label in curves if label != RANDOM))
    lines = [f"**{budget} trials, lost by having several in flight**", "", *markdown_head(["", *labels])]
    for name, curves in many.items():
        alone = regrets(problem(name).best, one[name], budget)
        together = regrets(problem(name).best, {**curves, RANDOM: one[name][RANDOM]}, budget)
        cells = []
        for label in labels:
            before, after = estimate(alone[label]), estimate(together[label])
            cells.append(f"{before.mean:.3f} → {after.mean:.3f}: {difference(after, before):+.1f}")
        lines.append(markdown_row([name, *cells]))
    return "\n".join(lines) + "\n"


def steps(results: Mapping[str, Mapping[str, Sequence[Run]]]) -> str:
    """Return a Markdown table of the CPU time of one proposal and one observation, and of all runs."""
    labels = list(dict.fromkeys(label for runs in results.values() for label in runs))
    lines = markdown_head(["ms of CPU time per step", *labels])
    for name, runs in results.items():
        times = [
            f"{np.mean([run.milliseconds for run in runs[label]]):.1f}" if runs.get(label) else "" for label in labels
        ]
        lines.append(markdown_row([name, *times]))
    totals = [sum(run.seconds for runs in results.values() for run in runs.get(label, ())) for label in labels]
    lines.append(markdown_row(["all runs, s", *(f"{total:.0f}" for total in totals)]))
    return "\n".join(lines) + "\n"


def picture(results: Mapping[str, Curves], path: Path) -> None:
    """Draw what the fronts lack to the best over the trials, a panel for each problem: means over seeds, and bands of
    one standard error.
    """
    rows = -(-len(results) // COLUMNS)
    figure = Figure(figsize=(4 * COLUMNS, 2.6 * rows), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    labels = list(dict.fromkeys(label for curves in results.values() for label in curves))
    colours = {label: f"C{place}" for place, label in enumerate(labels)}
    for axes, (name, curves) in zip(panels, results.items(), strict=False):
        for label, curve in curves.items():
            lacking = problem(name).best - curve
            mean, error = lacking.mean(axis=0), lacking.std(axis=0, ddof=1) / np.sqrt(len(lacking))
            trials = np.arange(1, lacking.shape[1] + 1)
            axes.plot(trials, mean, label=label, color=colours[label], linewidth=1.2)
            axes.fill_between(trials, mean - error, mean + error, alpha=0.2, color=colours[label], linewidth=0)
        axes.set(title=name, yscale="log")
        axes.grid(alpha=0.3)
    for axes in panels[len(results) :]:
        axes.remove()
    handles = {
        label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=6)
    for axes in panels[max(len(results) - COLUMNS, 0) : len(results)]:
        axes.set_xlabel("trials")
    figure.supylabel("hypervolume that the front lacks")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def _means(everything: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Return the means over the groups that have several problems, seed by seed, of contestants that ran on each."""
    left = dict(everything)
    means = {}
    for group in GROUPS:
        members = [left.pop(name) for name in [*left] if name.startswith(group)]
        if len(members) < 2:
            continue
        means[f"mean of {group or 'synthetic'}"] = {
            label: _mean([member[label] for member in members])
            for label in members[0]
            if all(label in member for member in members)
        }
    return means


def _mean(members: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return [seeds] that all have, the mean over the members."""
    seeds = min(map(len, members))
    mean: NDArray[np.float64] = np.mean([member[:seeds] for member in members], axis=0)
    return mean


def _seeds(results: Mapping[str, Curves]) -> str:
    labels = list(dict.fromkeys(label for curves in results.values() for label in curves))
    counts = {label: sorted({len(curves[label]) for curves in results.values() if label in curves}) for label in labels}
    most = max(each[-1] for each in counts.values())
    fewer = [
        f"{label}: {' to '.join(dict.fromkeys(map(str, (each[0], each[-1]))))}"
        for label, each in counts.items()
        if each[0] < most
    ]
    return f"{most} seeds" + (f" ({', '.join(fewer)})" if fewer else "")
