"""What may be enqueued by hand: complete candidates of the space that were neither tried nor listed before. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from evonas.errors import EvonasError
from evonas.hints import did_you_mean
from evonas.recorded.search import RecordedSearch
from evonas.search.backlog import Decisions, key_of
from evonas.search.objective import in_words, values_of
from evonas.search.trial_environment import to_text
from evonas.space import SearchSpace

MAX_LISTED = 256
"""The CRD's bound of ``spec.warmStart.candidates``."""


def check_candidates(
    record: RecordedSearch, listed: Sequence[Decisions], candidates: Sequence[Mapping[str, Any]]
) -> list[Decisions]:
    """Return the candidates as the space writes them; EvonasError with every reason why one cannot be enqueued."""
    if record.phase.is_over:
        raise EvonasError(
            f"{record.source} is {record.phase}: nothing would be tried; raise spec.budget.maxTrials first, if that is"
            " what ended it"
        )
    space = record.spec.space
    tried = {key_of(candidate): "it is listed already" for candidate in listed}
    for trial in reversed(record.trials):
        reached = f" with {trial.rungs[-1].in_words}" if trial.rungs else ""
        if (values := values_of(record.spec.objectives, trial)) is not None:
            reached = f" with {in_words(record.spec.objectives, values)}"
        tried[key_of(trial.decisions)] = f"trial {trial.index} has it, {trial.state}{reached}"
    chosen: dict[str, Decisions] = {}
    problems: list[str] = []
    for candidate in candidates:
        try:
            decisions = space.to_candidate(space.to_choices(candidate))
        except ValueError as error:
            problems.append(f"{json.dumps(candidate)}: {error}")
            continue
        if (key := key_of(decisions)) in tried:
            problems.append(f"{json.dumps(candidate)}: {tried[key]}")
        chosen[key] = decisions
    if len(listed) + len(chosen) > MAX_LISTED:
        cure = "remove those from spec.warmStart.candidates that have a trial"
        problems.append(f"no more than {MAX_LISTED} candidates may be listed; {cure}")
    if problems:
        raise EvonasError("\n".join(problems))
    return list(chosen.values())


def read_decisions(space: SearchSpace, assignments: Sequence[str]) -> dict[str, Any]:
    """Return the candidate that ``name=value`` assignments describe, each value as the space writes it."""
    decisions = {decision.name: decision for decision in space.decisions}
    candidate: dict[str, Any] = {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator or name not in decisions:
            known = ", ".join(decisions)
            hint = did_you_mean(name, decisions) if separator else ""
            raise EvonasError(f"--decision {assignment}: must be NAME=VALUE; the decisions are {known}{hint}")
        if name in candidate:
            raise EvonasError(f"--decision {assignment}: {name} was given before")
        values = [value for value in decisions[name].values if to_text(value) == text]
        if len(values) != 1:
            texts = list(map(to_text, decisions[name].values))
            said = f"{name} has the values {', '.join(texts)}{did_you_mean(text, texts)}"
            said = "more than one value is written so, use a file" if values else said
            raise EvonasError(f"--decision {assignment}: {said}")
        candidate[name] = values[0]
    return candidate
