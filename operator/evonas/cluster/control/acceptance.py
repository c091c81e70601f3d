"""Whether a search can run as it is written: parsing, its agent, and a server-side dry run of what a trial makes.

A template is kept as written, so only the API server (its schema, admission and policies) can judge it; asking before
anything is created keeps a bad template from ever creating a pod. A refused search is checked again when anything that
the answer may depend on has changed, and periodically anyway, since a change of policy is not announced.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from evonas.agents import check_agent
from evonas.cluster.client.api import Api, Refused
from evonas.cluster.client.resources import JOBS
from evonas.cluster.control.engines import Engines
from evonas.cluster.control.refusals import Refusal, is_full_quota
from evonas.cluster.control.workloads import build_attempt, jobs_within
from evonas.cluster.state.records import SearchRecord
from evonas.errors import InvalidManifest
from evonas.search.conditions import find_condition
from evonas.search.names import MAX_INDEX
from evonas.search.trial import ProposalRecord, Trial
from evonas.search.trial_environment import check_template
from evonas.spec import SearchSpec

REEXAMINED_INTERVAL = 60.0
"""Seconds before a template that the API server refused is submitted again."""


@dataclass(frozen=True)
class Question:
    """Everything a search's first Job is built from that may change while the search stays the same."""

    generation: int
    queue_labels: tuple[tuple[str, str], ...]
    service_account: str | None


@dataclass(frozen=True)
class Verdict:
    """The verdict on a search."""

    question: Question
    outcome: SearchSpec | Refusal
    given: float
    """When it was reached, by the monotonic clock."""

    def holds(self, question: Question, now: float) -> bool:
        """Say whether the verdict still holds."""
        if question.generation != self.question.generation:
            return False
        if isinstance(self.outcome, SearchSpec) or self.outcome.look_again is None:
            # The spec alone decided. If a policy refuses Jobs of an accepted search, each Job says so.
            return True
        return question == self.question and now - self.given < self.outcome.look_again


class Acceptance:
    """Remembers the last verdict on one search."""

    def __init__(self, api: Api, engines: Engines, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._engines = engines
        self._clock = clock
        self._verdict: Verdict | None = None

    async def examine(self, search: SearchRecord, service_account: str | None) -> SearchSpec | Refusal:
        """Return the parsed search, or why it cannot run."""
        question = question_of(search, service_account)
        if self._verdict is None or not self._verdict.holds(question, self._clock()):
            outcome = await self._judge(search, service_account)
            self._verdict = Verdict(question, outcome, self._clock())
        outcome = self._verdict.outcome
        if isinstance(outcome, SearchSpec) and not is_over(search):
            # An engine may go, and come back, at any time.
            return self._engines.refusal(outcome) or outcome
        return outcome

    async def _judge(self, search: SearchRecord, service_account: str | None) -> SearchSpec | Refusal:
        try:
            spec = SearchSpec.parse(search.manifest)
            check_agent(spec.agent.type, spec.agent.settings, len(spec.objectives))
        except InvalidManifest as invalid:
            return Refusal("InvalidSpec", str(invalid), look_again=None)
        if is_accepted(search):
            return spec
        if (refusal := self._engines.refusal(spec)) is not None:
            return refusal
        # After the above: a search that an earlier version accepted continues as it began.
        try:
            check_template(spec.trial)
        except InvalidManifest as invalid:
            return Refusal("InvalidSpec", str(invalid), look_again=None)
        resource, body = build_attempt(
            search.identity,
            spec,
            _sample(spec),
            search.uid,
            service_account=service_account,
            queue_labels=search.queue_labels,
            fields=self._engines.fields(spec),
        )
        field = "spec.trial.template" if spec.trial.workload is None else "spec.trial.workload"
        try:
            stored = await self._api.create(resource, search.namespace, body, dry_run=True)
            for of, job in jobs_within(spec, body, stored):
                field = of
                await self._api.create(JOBS, search.namespace, job, dry_run=True)
        except Refused as refused:
            # A full quota is temporary; the Job's own controller waits for it, and so do we.
            if not is_full_quota(refused.message):
                return Refusal("TemplateRefused", f"{field}: {refused.message}", look_again=REEXAMINED_INTERVAL)
        return spec


def question_of(search: SearchRecord, service_account: str | None) -> Question:
    """Return what the verdict on a search depends on, apart from policies."""
    return Question(search.generation, tuple(sorted(search.queue_labels.items())), service_account)


def is_accepted(search: SearchRecord) -> bool:
    """Say whether this process or an earlier one accepted the search's current generation."""
    return _holds(search, "Accepted")


def is_over(search: SearchRecord) -> bool:
    """Say whether the search has ended, as far as its current generation goes."""
    return _holds(search, "Complete") or _holds(search, "Failed")


def _holds(search: SearchRecord, type: str) -> bool:
    """Say whether a condition holds for the search's current generation."""
    condition = find_condition(search.status, type)
    return condition is not None and (condition["status"], condition["observedGeneration"]) == (
        "True",
        search.generation,
    )


def _sample(spec: SearchSpec) -> Trial:
    decisions = spec.space.to_candidate(spec.space.unrank(0))
    # An index that no trial has: the name of an existing Job would be refused as taken.
    return Trial(index=MAX_INDEX, decisions=decisions, proposal=ProposalRecord("random", None, (), 0))
