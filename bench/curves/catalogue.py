"""Every problem by name, built only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from bench.curves import fashion_mnist, synthetic
from bench.curves.problem import Problem
from evonas.errors import EvonasError

TABLE = "fashion-mnist"
DEFAULT = (TABLE, "crossing-0", "crossing-3", "lengths-3")
KINDS: dict[str, Callable[[int], Problem]] = {"crossing": synthetic.crossing, "lengths": synthetic.lengths}


@cache
def problem(name: str) -> Problem:
    """Return a problem by its name: the table, or a kind of synthetic ones and a number."""
    if name == TABLE:
        return fashion_mnist.problem()
    kind, _, number = name.rpartition("-")
    if kind not in KINDS or not number.isdecimal():
        kinds = ", ".join(f"{known}-NUMBER" for known in KINDS)
        raise EvonasError(f"--problems: there is no {name!r}; there are {TABLE}, {kinds}")
    return KINDS[kind](int(number))
