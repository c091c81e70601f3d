"""``python -m bench.search``: a whole local search, and what it found compared to its own random candidates. The first
candidates of a search are random, so they show what chance achieves in the same space with the same proxy. Seconds are
wall-clock time; CPU time, over all processes, is the basis for estimates on another machine.
"""

from __future__ import annotations

import resource
import statistics
import time
from pathlib import Path

import click

from bench.printing import print_rows
from bench.searches import run_search

EXAMPLE = Path(__file__).parents[1] / "examples" / "fashion-mnist-cnn.yaml"


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=EXAMPLE)
def main(manifest: Path) -> None:
    """Run a search that maximises its reward, by default that of Fashion-MNIST, in a folder of its own."""
    began = time.perf_counter()
    trials = run_search(manifest)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    scored = [(trial.proposal.origin, trial.reward) for trial in trials if trial.reward is not None]
    chance = [reward for origin, reward in scored if origin == "random"]
    row = {
        "search": manifest.stem,
        "trials": len(trials),
        "with a reward": len(scored),
        "seconds": round(seconds),
        "CPU seconds": round(used.ru_utime + used.ru_stime),
        "best": f"{max(reward for _, reward in scored):.3f}",
        "random": len(chance),
        "their median": f"{statistics.median(chance):.3f}",
        "their best": f"{max(chance):.3f}",
    }
    print_rows("a search on this machine", [row])


if __name__ == "__main__":
    main()
