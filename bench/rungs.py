"""``python -m bench.rungs``: a real search on this machine with rungs, and the same search with full trainings.

Both train to the last rung; without the rule, every candidate does. What is compared is the time in which trials ran,
summed over all of them: what a cluster charges. The search with the rule may try several times as many candidates.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import click
import yaml

from bench.printing import print_rows
from bench.searches import run_search

EXAMPLE = Path(__file__).parents[1] / "examples" / "fashion-mnist-cnn.yaml"
MORE_TRIALS = 3


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=EXAMPLE)
@click.option("--rungs", default="1,3,9", show_default=True, help="Epochs.")
@click.option("--trials", default=32, show_default=True, help="Full trainings; three times as many with the rule.")
@click.option("--seeds", default=3, show_default=True, help="Searches of each kind.")
def main(manifest: Path, rungs: str, trials: int, seeds: int) -> None:
    """Run a search that maximises its metric both ways, by default that of Fashion-MNIST."""
    body = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    steps = [int(step) for step in rungs.split(",")]
    rows = []
    for seed in range(seeds):
        full = _run(_variant(body, steps, "None", trials, seed))
        ruled = _run(_variant(body, steps, "SuccessiveHalving", MORE_TRIALS * trials, seed))
        best, total = full[-1]
        reached = next((seconds for reward, seconds in ruled if reward >= best), None)
        at_equal = max(reward for reward, seconds in ruled if seconds <= total or seconds == ruled[0][1])
        rows.append(
            {
                "seed": seed,
                "full trainings: best": f"{best:.4f}",
                "trial seconds": round(total),
                "with rungs: best in that time": f"{at_equal:.4f}",
                "seconds until the same best": "never" if reached is None else round(reached),
                "share": "-" if reached is None else f"{reached / total:.2f}",
                "all its seconds": round(ruled[-1][1]),
                "its best": f"{ruled[-1][0]:.4f}",
            }
        )
        print_rows(f"{manifest.stem}, rungs {rungs}, {trials} full trainings", rows)
    shares = [float(str(row["share"])) for row in rows if row["share"] != "-"]
    if shares:
        print(f"median share of the seconds: {statistics.median(shares):.2f} ({len(shares)} of {seeds} seeds)")


def _variant(body: Mapping[str, Any], steps: Sequence[int], rule: str, trials: int, seed: int) -> dict[str, Any]:
    spec = body["spec"]
    (container,) = spec["trial"]["template"]["spec"]["containers"]
    pod = {
        **spec["trial"]["template"]["spec"],
        "containers": [{**container, "args": _without_epochs(container["args"])}],
    }
    changed = {
        "agent": {**spec["agent"], "seed": seed},
        "budget": {**spec["budget"], "maxTrials": trials},
        "fidelity": {"rungs": {"steps": [*steps]}, "rule": rule},
        "trial": {**spec["trial"], "template": {"spec": pod}},
    }
    return {**body, "spec": {**spec, **changed}}


def _without_epochs(arguments: Sequence[str]) -> list[str]:
    """Return the arguments without ``--epochs N``: the last rung says how long a training is."""
    kept = iter(arguments)
    return [word for word in kept if word != "--epochs" or not next(kept)]


def _run(manifest: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Return after each trial, in the order of their ends: the best reward, and the seconds of all trials so far."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "search.yaml"
        path.write_text(yaml.safe_dump(manifest), encoding="utf-8")
        trials = run_search(path, quiet=True)
    ended = sorted((trial for trial in trials if trial.completion_time), key=lambda trial: str(trial.completion_time))
    best = accumulate((trial.reward if trial.reward is not None else -1.0 for trial in ended), max)
    return [*zip(best, accumulate(trial.seconds or 0.0 for trial in ended), strict=True)]


if __name__ == "__main__":
    main()
