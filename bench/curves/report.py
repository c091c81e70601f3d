"""The tables: regret over GPU time, and how soon others reach what a search of full trainings ends at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.agents.statistics import at_budget, difference, estimate, share_to_reach
from bench.curves.contestants import CONTESTANTS, REFERENCE
from bench.curves.runs import POINTS, Run
from bench.printing import markdown_head, markdown_row

SHARES = (0.125, 0.25, 0.5, 1.0)
"""Of the GPU time, at which the table shows the regret."""
PEERS = (*(label for label, contestant in CONTESTANTS.items() if not contestant.is_ours), "random+SuccessiveHalving")

Worth = NDArray[np.float64]
"""[seeds, POINTS]: regrets."""


def table(title: str, runs: Mapping[str, Sequence[Run]], trainings: int) -> str:
    """Return a Markdown table of one problem and number of workers, one line for each contestant."""
    worth = {label: np.array([run.regret for run in some]) for label, some in runs.items()}
    reference = worth.get(REFERENCE)
    goals: dict[str, float] = {}
    if reference is not None:
        goals[f"until the end of {REFERENCE}"] = float(reference[:, -1].mean())
    if peers := [float(worth[label][:, -1].mean()) for label in PEERS if label in worth]:
        goals["until the best peer's end"] = max(peers)
    head = ["", *(f"{share * trainings:g}" for share in SHARES), *goals, "lowest"]
    head += ["trained to the end", "stopped", "diverged", "ms a trial"]
    lines = [
        f"**{title}**, {len(next(iter(worth.values())))} seeds",
        "",
        *markdown_head(head),
    ]
    for label, regrets in worth.items():
        cells = [label, *(str(estimate(at_budget(regrets, round(share * POINTS)))) for share in SHARES)]
        cells += [_until(regrets, goal, trainings) for goal in goals.values()]
        cells.append("" if reference is None or label == REFERENCE else f"{lowest(regrets, reference):+.1f}")
        for name in ("full", "stopped", "diverged", "milliseconds"):
            cells.append(f"{np.mean([getattr(run, name) for run in runs[label]]):.0f}")
        lines.append(markdown_row(cells))
    return "\n".join(lines) + "\n"


def lowest(worth: Worth, reference: Worth) -> float:
    """Return the difference from the reference where it is least in favour, in standard errors of the difference."""
    return min(difference(estimate(worth[:, point]), estimate(reference[:, point])) for point in range(worth.shape[1]))


def _until(worth: Worth, goal: float, trainings: int) -> str:
    """Return the GPU time until the mean reaches the goal, with a 95 % interval."""
    share, low, high = share_to_reach(worth, goal)
    if worth.mean(axis=0).max() < goal:
        return f"more than {trainings}"
    return f"{share * trainings:.1f} [{low * trainings:.1f}, {high * trainings:.1f}]"
