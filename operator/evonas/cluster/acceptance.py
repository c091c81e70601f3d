"""Whether a search can run as it is written: parsing, its agent, and a server-side dry run of its first Job.

A template is kept as written, so only the API server (its schema, its admission, its policies) can judge it; asking
once per generation keeps a bad one from ever making a pod.
"""

from __future__ import annotations

from evonas.agents import check_agent
from evonas.cluster.api import Api, Refused
from evonas.cluster.jobs import build_job
from evonas.cluster.records import SearchRecord
from evonas.cluster.refusals import Refusal, is_full_quota
from evonas.cluster.resources import JOBS
from evonas.errors import InvalidManifest
from evonas.search.conditions import find_condition
from evonas.search.contract import check_template
from evonas.search.names import MAX_INDEX
from evonas.search.trial import ProposalRecord, Trial
from evonas.spec import SearchSpec


class Acceptance:
    """Remembers what the present generation of one search was found to be."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: tuple[int, SearchSpec | Refusal] | None = None

    async def examine(self, search: SearchRecord, service_account: str | None) -> SearchSpec | Refusal:
        """Return the parsed search, or why it cannot run."""
        if self._known is None or self._known[0] != search.generation:
            self._known = (search.generation, await self._judge(search, service_account))
        return self._known[1]

    async def _judge(self, search: SearchRecord, service_account: str | None) -> SearchSpec | Refusal:
        try:
            spec = SearchSpec.parse(search.manifest)
            check_agent(spec.agent.type, spec.agent.settings)
        except InvalidManifest as invalid:
            return Refusal("InvalidSpec", str(invalid))
        condition = find_condition(search.status, "Accepted")
        if condition is not None and (condition["status"], condition["observedGeneration"]) == (
            "True",
            search.generation,
        ):
            return spec
        # After the above: a search that an earlier version has accepted goes on as it began.
        try:
            check_template(spec.trial)
        except InvalidManifest as invalid:
            return Refusal("InvalidSpec", str(invalid))
        job = build_job(
            search.identity,
            spec,
            _sample(spec),
            search.uid,
            service_account=service_account,
            queue_labels=search.queue_labels,
        )
        try:
            await self._api.create(JOBS, search.namespace, job, dry_run=True)
        except Refused as refused:
            # A full quota is a matter of time; the Job's own controller waits for it, and so do we.
            if not is_full_quota(refused.message):
                return Refusal("TemplateRefused", f"spec.trial.template: {refused.message}")
        return spec


def _sample(spec: SearchSpec) -> Trial:
    decisions = spec.space.to_candidate(spec.space.unrank(0))
    # An index that no trial has: the name of a Job that exists would be refused for that.
    return Trial(index=MAX_INDEX, decisions=decisions, proposal=ProposalRecord("random", None, (), 0))
