"""The contestants: our agents and Optuna's TPE, each with full trainings and with rules that end them early."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

from bench.agents import contestants as agents
from bench.agents.peers import OptunaTPE
from bench.curves.searchers import Foreseeing, Full, Pausing, Ruled
from bench.curves.simulation import Searcher
from bench.curves.syne_tune import SyneTune
from evonas.errors import EvonasError
from evonas.fidelity import Fidelity, Mode, Rule
from evonas.space import SearchSpace

FACTOR = 3
"""Of the rungs, here and in the peers."""
FULL = "full"
"""The rule of those that know no rungs."""
FORESIGHT = "Foresight"
"""A rule that knows how trainings end: no bound in theory, but far beyond what any rule can know."""
PAUSE = f"+{Mode.PAUSE}"
"""Behind a rule: in mode Pause."""

Steps = tuple[int, ...]
Create = Callable[[SearchSpace, int, Steps], Searcher]


@dataclass(frozen=True)
class Contestant:
    """A searcher by name."""

    label: str
    """Agent and rule."""
    create: Create
    """From a space, a seed and the rungs."""
    description: Mapping[str, Any]
    """What identifies it; a change makes kept runs stale."""
    is_ours: bool
    package: str | None = None
    """The optional package that it needs."""

    @property
    def is_installed(self) -> bool:
        """Return whether its package is installed."""
        return self.package is None or find_spec(self.package) is not None


def _ours(agent: agents.Contestant, rule: str) -> Contestant:
    create = partial(_create, agent) if rule == FULL else partial(_create_ruled, agent, rule)
    return Contestant(f"{agent.label}+{rule}", create, {**agent.description, "rule": rule}, True, agent.package)


def _create(agent: agents.Contestant, space: SearchSpace, seed: int, steps: Steps) -> Searcher:
    return Full(agent.create(space, seed))


def _create_ruled(agent: agents.Contestant, rule: str, space: SearchSpace, seed: int, steps: Steps) -> Searcher:
    searcher = agent.create(space, seed)
    if rule == FORESIGHT:
        return Foreseeing(searcher, Fidelity(steps, FACTOR, Rule.NONE))
    if rule.endswith(PAUSE):
        return Pausing(searcher, Fidelity(steps, FACTOR, Rule(rule.removesuffix(PAUSE)), Mode.PAUSE))
    return Ruled(searcher, Fidelity(steps, FACTOR, Rule(rule)))


def _optuna(rule: str) -> Contestant:
    create = partial(_create_optuna, rule)
    return Contestant(f"optuna-tpe+{rule}", create, {"peer": "optuna-tpe", "rule": rule}, False, "optuna")


def _create_optuna(rule: str, space: SearchSpace, seed: int, steps: Steps) -> Searcher:
    import optuna  # noqa: PLC0415

    first, last = steps[0], steps[-1]
    pruners: dict[str, Callable[[], Any]] = {
        FULL: optuna.pruners.NopPruner,
        "SuccessiveHalving": partial(
            optuna.pruners.SuccessiveHalvingPruner, min_resource=first, reduction_factor=FACTOR
        ),
        "Hyperband": partial(
            optuna.pruners.HyperbandPruner, min_resource=first, max_resource=last, reduction_factor=FACTOR
        ),
    }
    return OptunaTPE(space, seed, pruners[rule]())


def _syne_tune(scheduler: str, label: str) -> Contestant:
    create = partial(_create_syne_tune, scheduler)
    return Contestant(label, create, {"peer": "syne-tune", "scheduler": scheduler}, False, "syne_tune")


def _create_syne_tune(scheduler: str, space: SearchSpace, seed: int, steps: Steps) -> Searcher:
    return SyneTune(scheduler, space, seed, steps, FACTOR)


DECIDING = tuple(str(rule) for rule in Rule if rule is not Rule.NONE)
PAUSING = tuple(f"{rule}{PAUSE}" for rule in DECIDING)

OURS = ("evonas", "evolution", "random", "optuna-agent")

CONTESTANTS = {
    contestant.label: contestant
    for contestant in (
        *(_ours(agents.CONTESTANTS[name], rule) for name in OURS for rule in (FULL, *DECIDING, *PAUSING)),
        _ours(agents.CONTESTANTS["evonas"], FORESIGHT),
        *map(_optuna, (FULL, "SuccessiveHalving", "Hyperband")),
        _syne_tune("ASHA", "syne-tune-random+SuccessiveHalving"),
        _syne_tune("BOHB", "syne-tune-bohb+SuccessiveHalving"),
    )
}
"""Every contestant by label. ``random+SuccessiveHalving`` is what others call random search with ASHA; ``optuna-agent``
is our agent, ``optuna-tpe`` Optuna by itself."""

REFERENCE = f"evonas+{FULL}"
"""What the others are compared with."""


def parse_variant(text: str) -> Contestant:
    """Parse ``label+rule={"type": "EvoNAS", …}``: an agent of ours under other settings, with a rule."""
    name, _, body = text.partition("=")
    label, _, rule = name.partition("+")
    known = (FULL, *map(str, Rule), *PAUSING)
    if rule not in known:
        raise EvonasError(f"--variant {text!r}: write label+rule=…, the rule one of {', '.join(known)}")
    return _ours(agents.parse_variant(f"{label}={body}"), rule)
