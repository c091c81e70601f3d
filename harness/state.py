"""One running test cluster as a record on disk: whoever reads it can use the cluster, check it, or end it.

Every instance has a folder of its own under the cache; ``instance.json`` in it says what was started. Two instances
share nothing but the lock under which ports and network numbers are handed out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from harness import cache
from harness.errors import ClusterError

TIERS = ("control-plane", "kwok", "kueue", "node")

ENGINES = ("jobset", "trainer", "trainer22", "kuberay")
"""What runs work of many pods beside a tier, in the order of its start."""


@dataclass(frozen=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    started: float


@dataclass(frozen=True)
class Component:
    """One program of the cluster: how it was started, and how to ask whether it is well."""

    name: str
    argv: list[str]
    process: ProcessId
    health: str = ""
    """URL that answers 200 when the program is well; empty where being alive is all that can be asked."""


@dataclass(frozen=True)
class Options:
    """What may differ between two instances of one tier."""

    fast: bool = False
    """Lift the client-side request limits of controller-manager and scheduler: benchmarks and kwok need it."""
    kwok_trial_seconds: float = 1.0
    kwok_spread: float = 1.2
    """Length of the longest of a fake pod's trials, in those of the shortest."""
    kwok_reward: str = "template"
    """Who writes the reward on a fake pod: a Stage (``template``) or the test's own program (``none``)."""
    engines: tuple[str, ...] = ()
    """Which of ENGINES run beside the tier."""


DEFAULTS = Options()
_OPTIONS = [field.name for field in fields(Options)]


@dataclass
class Instance:
    """Everything known about one test cluster."""

    name: str
    tier: str
    options: Options
    number: int
    """Picks the instance's networks; no two instances have the same."""
    ports: dict[str, int] = field(default_factory=dict)
    owner: ProcessId | None = None
    """The process whose end is the cluster's end; None for a cluster started by hand."""
    sandbox: ProcessId | None = None
    """The process that holds the node's namespaces; None in the tiers without a node."""
    components: dict[str, Component] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return folder_of(self.name)

    @property
    def has_fake_node(self) -> bool:
        return self.tier in {"kwok", "kueue"}

    @property
    def host(self) -> str:
        """The address at which this machine reaches the instance's servers."""
        return f"10.213.{self.number}.2" if self.tier == "node" else "127.0.0.1"

    @property
    def link_address(self) -> str:
        """This machine's end of the link into the node's network."""
        return f"10.213.{self.number}.1"

    @property
    def pod_cidr(self) -> str:
        return f"10.214.{self.number}.0/24"

    @property
    def service_cidr(self) -> str:
        return f"10.215.{self.number}.0/24"

    @property
    def service_ip(self) -> str:
        """Where pods find the API server."""
        return f"10.215.{self.number}.1"

    @property
    def cgroup(self) -> str:
        """The control group of the node's containers, below the machine's root."""
        return f"evonas-{self.name}"

    @property
    def server(self) -> str:
        return f"https://{self.host}:{self.ports['kube-apiserver']}"

    def path(self, *parts: str) -> Path:
        """A path in the instance's folder, its parent made when missing."""
        path = self.folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def save(self) -> None:
        with cache.publishing(self.folder / "instance.json") as unfinished:
            unfinished.write_text(json.dumps(asdict(self), indent=1))


def in_order(engines: Collection[str]) -> tuple[str, ...]:
    """These engines and what they need, in the order of their start: the Trainer makes JobSets."""
    wanted = {*engines, *(["jobset"] if {"trainer", "trainer22"} & {*engines} else [])}
    return tuple(engine for engine in ENGINES if engine in wanted)


def folder_of(name: str) -> Path:
    """The instance's folder; a name that would not stay below the cache is refused."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
        raise ClusterError(f"instance name {name!r}: lower-case letters, digits and dashes, at most 40")
    return cache.root() / "instances" / name


def load(name: str) -> Instance:
    try:
        raw: dict[str, Any] = json.loads((folder_of(name) / "instance.json").read_text())
    except FileNotFoundError:
        hint = f"`python -m harness up --name {name}` starts one"
        raise ClusterError(f"no test cluster named {name!r}; {hint}") from None
    return Instance(
        name=raw["name"],
        tier=raw["tier"],
        # Another checkout, which shares the cache, may know other options.
        options=_options(raw["options"]),
        number=raw["number"],
        ports=raw["ports"],
        owner=_process(raw["owner"]),
        sandbox=_process(raw["sandbox"]),
        components={
            name: Component(item["name"], item["argv"], ProcessId(**item["process"]), item["health"])
            for name, item in raw["components"].items()
        },
    )


def every() -> Iterator[Instance]:
    """All instances recorded on this machine."""
    for file in sorted((cache.root() / "instances").glob("*/instance.json")):
        # One that was ended since the folder was read is not there any more.
        with suppress(ClusterError):
            yield load(file.parent.name)


def _options(raw: dict[str, Any]) -> Options:
    known = {name: raw[name] for name in _OPTIONS if name in raw}
    return Options(**{**known, "engines": tuple(known.get("engines", ()))})


def _process(raw: dict[str, Any] | None) -> ProcessId | None:
    return ProcessId(**raw) if raw else None
