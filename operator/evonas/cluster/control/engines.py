"""Which kinds of workload this operator runs: those that are enabled, as far as the cluster serves them.

Each is watched, and needs rights of its own, so none is unless somebody asks for it. What the cluster serves is looked
up again from time to time: an engine may be installed after the operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from evonas.cluster.client.api import Api, NotFound
from evonas.cluster.client.resources import WORKLOADS, Resource
from evonas.cluster.client.spec_fields import SpecFields
from evonas.cluster.control.refusals import Refusal
from evonas.spec import SearchSpec
from evonas.workloads.catalogue import ENGINES, kind_named, option_of


class Engines:
    """The enabled kinds, and which of them are served."""

    def __init__(self, enabled: Sequence[str]) -> None:
        self._enabled = frozenset(enabled)
        self._served: frozenset[str] = frozenset()
        self._spec_fields = SpecFields()
        self._fields: dict[str, frozenset[str]] = {}

    @property
    def watched(self) -> list[Resource]:
        """The kinds to watch, in the order of the catalogue."""
        return [WORKLOADS[kind.name] for kind in ENGINES if kind.name in self._served]

    @property
    def said(self) -> str:
        """What the cluster serves of the enabled kinds, for a log."""
        return f"the cluster serves {', '.join(sorted(self._served)) or 'none'} of {', '.join(sorted(self._enabled))}"

    async def look(self, api: Api) -> bool:
        """Ask the API server which of the enabled kinds it serves; returns whether that has changed."""
        served = set()
        for kind in ENGINES:
            if kind.name in self._enabled:
                resource = WORKLOADS[kind.name]
                with suppress(NotFound):
                    # In a group that has no such version.
                    if resource.plural in await api.listed_kinds(resource.group, resource.version):
                        served.add(kind.name)
                        if kind.varies:
                            self._fields[kind.name] = await self._spec_fields.of(api, resource)
        changed = served != self._served
        self._served = frozenset(served)
        return changed

    def fields(self, spec: SearchSpec) -> frozenset[str]:
        """Return the fields of the spec of a search's workload, where they vary between versions of its engine."""
        workload = spec.trial.workload
        return frozenset() if workload is None else self._fields.get(workload.kind.name, frozenset())

    def refusal(self, spec: SearchSpec) -> Refusal | None:
        """Return why a search's workload cannot be run here; None if it can."""
        if spec.trial.workload is None or spec.trial.workload.kind.name not in WORKLOADS:
            return None
        name = spec.trial.workload.kind.name
        if name not in self._enabled:
            said = (
                f"spec.trial.workload.kind: {name} is not enabled here; with the chart: --set "
                f"{option_of(name)}.enabled=true, without it: evonas operator --workload {name}"
            )
            return Refusal("WorkloadNotEnabled", said, stalled=False)
        if name not in self._served:
            kind = kind_named(name)
            said = (
                f"spec.trial.workload.kind: the cluster has no {kind.plural} of {kind.api_version}; install "
                f"{kind.engine}, or a version of it that serves them"
            )
            return Refusal("WorkloadNotServed", said, stalled=False)
        return None
