"""What the report computes, for the page's charts to be compared with: `python -m tests.unit.report.chart_numbers`
writes it beside their tests, and `test_chart_numbers.py` holds it to be current.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from evonas.recorded.curves import best_so_far, moving_average
from evonas.recorded.pareto import find_front
from evonas.report.figures.curves import _floors
from evonas.report.figures.frame import Frame, ticks
from evonas.report.figures.scatter import frame_around
from evonas.report.figures.swatches import short_text
from evonas.report.progress import value_shares
from evonas.search.trial import ProposalRecord, Trial, TrialState
from evonas.space import SearchSpace

FILE = Path(__file__).resolve().parents[3] / "operator/page/tests/charts/numbers.json"

_RANGES = [(0.0, 1.0), (0.61, 0.97), (-3.2e-5, 8.1e-5), (1.0, 400.0), (0.0, 3.0), (1.0, 2.0), (-1e7, 3e7), (0.5, 1.5)]
_NUMBERS = [0.0, 1.0, -2.5, 0.1 + 0.2, 1e-5, 123456.0, 1234567.0, 0.00012345678, 9.999999e-5, 3.0e20, -1 / 3, 100000.4]


def compute() -> dict[str, Any]:
    """Return the numbers; the same each time."""
    dice = random.Random(23)
    rewards = [round(dice.gauss(0.8, 0.1), dice.choice([1, 3, 12])) for _ in range(180)]
    space = SearchSpace.parse(
        [{"name": "a", "values": [1, 2]}, {"name": "b", "values": ["x", "y"], "when": {"name": "a", "values": [2]}}]
    )
    trials = []
    for index, reward in enumerate(rewards):
        decisions = space.to_candidate(space.unrank(dice.randrange(space.size)))
        record = ProposalRecord("random", None, (), 0)
        trials.append(Trial(index, decisions, record, TrialState.SUCCEEDED, reward=reward, sequence=index + 1))
    shares, steps = value_shares(space.decisions[1], trials, 25, has_absent=True)
    points = [(round(dice.random(), 1), round(dice.random(), 1)) for _ in range(60)]
    diverged = [*rewards[:40], -1e6, 1e6]
    frame = frame_around([(1.0, 0.5), (3.0, 0.9)], [(1e9, 0.7), (3.5, 0.7)], [])
    return {
        "rewards": rewards,
        "averages": {str(window): moving_average(rewards, window) for window in (1, 7, 50, 500)},
        "lowest": best_so_far(rewards, minimize=True),
        "highest": best_so_far(rewards, minimize=False),
        "points": points,
        "front": find_front(points),
        "taken": [trial.decisions.get("b") for trial in trials],
        "shares": shares,
        "steps": steps,
        "diverged": diverged,
        "floors": [_floors([(1, value) for value in diverged], minimize=less)[1] for less in (False, True)],
        "ticks": [[*bounds, whole, ticks(*bounds, whole=whole)] for bounds in _RANGES for whole in (False, True)],
        "around": [[values, Frame.around((0, 1), values).y] for values in ([], [3.0], [0.0, 0.0], [1.0, 2.0, -4.0])],
        "range": frame.x,
        "general": [[value, f"{value:g}"] for value in _NUMBERS],
        "short": [[value, short_text(value)] for value in (True, "text", 12345, 0.000123456, 0.5, -7)],
    }


def main() -> None:
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(compute()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
