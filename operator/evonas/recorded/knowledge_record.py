"""What a search's agent knew from earlier searches before its first proposal, as it is recorded. Pure;
``recorded.knowledge`` gathers it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from evonas.agents import NO_EXPERIENCE, AgentSettings, EarlierTask, Experience, uses_experience
from evonas.errors import EvonasError
from evonas.spec import API_VERSION, SearchSpec
from evonas.wording import counted, first_of

KIND, FORMAT = "SearchKnowledge", 1


class UnusableKnowledge(EvonasError):
    """What ``spec.knowledge`` names cannot be read, at least not yet, or is no longer what it was."""


@dataclass(frozen=True)
class Knowledge:
    """What was gathered, as it is recorded."""

    experience: Experience

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything in it, in hexadecimal."""
        return hashlib.sha256(json.dumps(self._tasks, sort_keys=True).encode()).hexdigest()

    @property
    def _tasks(self) -> list[dict[str, Any]]:
        # Not `asdict`, which copies every number: half a million take seconds.
        return [{field.name: getattr(task, field.name) for field in fields(task)} for task in self.experience.tasks]

    @property
    def summary(self) -> str:
        """What it is, in a few words."""
        tasks = self.experience.tasks
        if not tasks:
            return "nothing is known from earlier searches"
        results = counted(sum(len(task.scores) for task in tasks), "result")
        return f"{results} of {first_of([task.source for task in tasks])} are known from the start"

    def to_object(self) -> dict[str, Any]:
        """Return it as JSON: a line of a journal or an export, the contents of a ConfigMap."""
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "format": FORMAT,
            "digest": self.digest,
            "tasks": self._tasks,
        }

    @classmethod
    def from_object(cls, body: Mapping[str, Any], source: str) -> Knowledge:
        """Return what ``to_object`` returned; UnusableKnowledge, which names ``source``, if it was changed."""
        if body.get("kind") != KIND or body.get("format") != FORMAT:
            raise UnusableKnowledge(f"{source} holds no knowledge that this version can read (format {FORMAT})")
        try:
            tasks = tuple(
                EarlierTask(
                    source=task["source"],
                    decisions=tuple(task["decisions"]),
                    candidates=tuple(map(tuple, task["candidates"])),
                    scores=tuple(task["scores"]),
                )
                for task in body["tasks"]
            )
            if not all(math.isfinite(score) for task in tasks for score in task.scores):
                raise ValueError("a score is no number")
        except (KeyError, TypeError, ValueError) as error:
            raise UnusableKnowledge(f"{source} holds knowledge that cannot be read: {error!r}") from error
        knowledge = cls(Experience(tasks))
        if knowledge.digest != body.get("digest"):
            raise UnusableKnowledge(
                f"{source} was changed: its digest is not that of its contents; restore it from a copy"
            )
        return knowledge


def experience_of(knowledge: Knowledge | None) -> Experience:
    """Return what an agent begins with."""
    return NO_EXPERIENCE if knowledge is None else knowledge.experience


def why_unused(spec: SearchSpec, asked: str = "spec.knowledge") -> str | None:
    """Return why nothing is gathered although it was ``asked`` for; None if the search's agent makes use of it."""
    if spec.has_several:
        return f"{asked} is not used: it is for searches with one objective; a warm start imports earlier results"
    if uses_experience(spec.agent.type, AgentSettings.parse(spec.agent.settings)):
        return None
    if spec.agent.type in ("EvoNAS", "Neural"):
        return f"{asked} is not used: spec.agent leaves this {spec.agent.type} nothing that learns"
    return f"{asked} is not used: of the agents, only EvoNAS and Neural learn from earlier searches"
