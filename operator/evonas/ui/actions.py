"""Orders: what each needs, whether it makes sense now, and the command line that does the same. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evonas.agents import may_have_population
from evonas.errors import EvonasError
from evonas.recorded.search import Phase
from evonas.search.trial_environment import to_text
from evonas.sources.live.seen import Origin, SeenSearch
from evonas.sources.options import ClusterOptions
from evonas.sources.source import Change
from evonas.space import Decision, SearchSpace, Value
from evonas.ui.models import ActionName, Order, Permission

FIELDS: Mapping[ActionName, Sequence[str]] = {
    ActionName.SUSPEND: (),
    ActionName.RESUME: (),
    ActionName.PARALLEL: ("parallel_trials",),
    ActionName.BUDGET: ("max_trials",),
    ActionName.ENQUEUE: ("decisions",),
    ActionName.PIN: ("trial",),
    ActionName.UNPIN: ("trial",),
    ActionName.VETO: ("trial",),
}
"""What each order needs, by the names of the model's fields."""
_JSON = {"parallel_trials": "parallelTrials", "max_trials": "maxTrials", "decisions": "decisions", "trial": "trial"}

_ELSEWHERE: Mapping[ActionName, str] = {
    ActionName.SUSPEND: "a run of this machine is put aside with Ctrl-C where it runs; the same command resumes it",
    ActionName.RESUME: "a run of this machine is resumed by the same `evonas run` command",
    ActionName.PARALLEL: (
        "a run of this machine reads its manifest when it starts: Ctrl-C, and run it with --parallel-trials N"
    ),
    ActionName.BUDGET: (
        "a run of this machine reads its manifest when it starts: Ctrl-C, and run it with --max-trials N"
    ),
}
"""How a local run is told what it cannot be told while it goes."""


class WrongOrder(EvonasError):
    """An order lacks what it needs, or has what it does not take."""


def check_fields(order: Order) -> None:
    """WrongOrder unless an order has what it needs and nothing else."""
    needed = FIELDS[order.action]
    for field, name in _JSON.items():
        given = getattr(order, field) is not None
        if given and field not in needed:
            raise WrongOrder(f"{name}: {order.action} takes no such field")
        if not given and field in needed:
            raise WrongOrder(f"{name}: {order.action} needs it")
    if order.because and order.action is not ActionName.VETO:
        raise WrongOrder(f"because: {order.action} takes no such field; a veto does")


def change_of(order: Order) -> Change | None:
    """Return how an order changes the declaration; None if it is about trials."""
    changes = {
        ActionName.SUSPEND: Change(suspend=True),
        ActionName.RESUME: Change(suspend=False),
        ActionName.PARALLEL: Change(parallel_trials=order.parallel_trials),
        ActionName.BUDGET: Change(max_trials=order.max_trials),
    }
    return changes.get(order.action)


def permissions(seen: SeenSearch, refusal: str) -> list[Permission]:
    """Return what the viewer may do; ``refusal`` is why nothing, as far as rights go, empty if they may."""
    found = []
    for action in ActionName:
        reason = refusal or _senseless(seen, action)
        found.append(Permission(action=action, allowed=not reason, reason=reason))
    return found


def _senseless(seen: SeenSearch, action: ActionName) -> str:
    """Return why an action makes no sense now; empty if it does."""
    if seen.origin is Origin.EXPORT:
        return "an export is not running; look at the run's folder or at the search in the cluster to change it"
    if seen.overview is None or (seen.problem is not None and not seen.body):
        return "its record cannot be read"
    if seen.origin is Origin.RUN and action in _ELSEWHERE:
        return _ELSEWHERE[action]
    return _out_of_season(seen, seen.overview.phase, action)


def _out_of_season(seen: SeenSearch, phase: Phase, action: ActionName) -> str:
    agent = seen.overview.agent if seen.overview is not None else ""
    if action in (ActionName.PIN, ActionName.UNPIN) and not may_have_population(agent):
        return f"agent {agent} has no population that a trial could stay in"
    suspended = seen.body.get("spec", {}).get("suspend", False)
    if phase.is_over and action in (ActionName.ENQUEUE, ActionName.SUSPEND, ActionName.RESUME, ActionName.VETO):
        raising = "; raise maxTrials first" if action is ActionName.ENQUEUE and phase is Phase.COMPLETE else ""
        return f"the search is {phase.lower()}: nothing more is tried{raising}"
    if action is ActionName.SUSPEND and suspended:
        return "it is suspended already"
    if action is ActionName.RESUME and not suspended:
        return "it is not suspended"
    return ""


@dataclass(frozen=True)
class Target:
    """What a command line names."""

    reference: str
    """A path, or the name of a search in a cluster."""
    cluster: ClusterOptions | None
    """Of a search in a cluster, with its own namespace."""

    @classmethod
    def of(cls, seen: SeenSearch, cluster: ClusterOptions | None) -> Target:
        """Return what names a search; ``cluster`` are the options of `evonas ui`."""
        if seen.origin is not Origin.CLUSTER or seen.overview is None:
            return cls(seen.reference, None)
        given = cluster or ClusterOptions()
        named = ClusterOptions(given.kubeconfig, given.context, seen.overview.namespace)
        return cls(seen.overview.name, named)

    @property
    def options(self) -> list[str]:
        """The options that lead to it: kubectl has the same."""
        if self.cluster is None:
            return []
        named = {
            "-n": self.cluster.namespace,
            "--context": self.cluster.context,
            "--kubeconfig": None if self.cluster.kubeconfig is None else str(self.cluster.kubeconfig),
        }
        return [word for name, value in named.items() if value for word in (name, value)]


def command_of(order: Order, target: Target, space: SearchSpace) -> str:
    """Return the command line that does what an order does, quoted for a shell."""
    if (change := change_of(order)) is not None:
        patch = json.dumps({"spec": change.spec()}, separators=(",", ":"))
        return shlex.join(["kubectl", "patch", "nas", target.reference, *target.options, "--type=merge", "-p", patch])
    if order.action is ActionName.ENQUEUE:
        return _enqueue(order.decisions or {}, target, space)
    trial = str(order.trial)
    words = {
        ActionName.PIN: ["pin", target.reference, trial],
        ActionName.UNPIN: ["pin", target.reference, trial, "--remove"],
        ActionName.VETO: ["veto", target.reference, trial, *(["--because", order.because] if order.because else [])],
    }
    return shlex.join(["evonas", *words[order.action], *target.options])


def _enqueue(decisions: Mapping[str, Value], target: Target, space: SearchSpace) -> str:
    words = ["evonas", "enqueue", target.reference]
    known = {decision.name: decision for decision in space.decisions}
    if all(name in known and _is_told_by_its_text(known[name], value) for name, value in decisions.items()):
        said = [word for name, value in decisions.items() for word in ("--decision", f"{name}={to_text(value)}")]
        return shlex.join([*words, *said, *target.options])
    return f"{shlex.join(['echo', json.dumps(dict(decisions))])} | {shlex.join([*words, '-', *target.options])}"


def _is_told_by_its_text(decision: Decision, value: Value) -> bool:
    """Return whether ``NAME=VALUE`` means this value and no other."""
    return sum(to_text(other) == to_text(value) for other in decision.values) == 1


def message_of(order: Order) -> str:
    """Return what an order has done, or would do, in a sentence."""
    trial = order.trial
    said = {
        ActionName.SUSPEND: "no new trials start; those that run go on to their end",
        ActionName.RESUME: "new trials start again",
        ActionName.PARALLEL: f"up to {order.parallel_trials} trials at a time",
        ActionName.BUDGET: f"up to {order.max_trials} trials in all",
        ActionName.ENQUEUE: "the candidate is tried before what the agent proposes next",
        ActionName.PIN: f"trial {trial} stays in the agent's population",
        ActionName.UNPIN: f"trial {trial} leaves the population by age again",
        ActionName.VETO: f"trial {trial} ends as infeasible",
    }
    return said[order.action]
