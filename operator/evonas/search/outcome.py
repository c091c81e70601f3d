"""The outcome of a search that has ended: without a single success it has failed, whichever limit ended it. Pure.

Above ``budget``, which says what ends a search; ``plan`` and the reader of journals ask here once nothing runs.
"""

from __future__ import annotations

from dataclasses import replace

from evonas.search.budget import Limit
from evonas.search.totals import Outcome, Totals
from evonas.search.trial import Trial, TrialState

NO_SUCCESS = "NoTrialSucceeded"
EMPTY_FRONT = "FrontEmpty"

MAX_CAUSES = 3
"""How many causes are named; the rest are only counted."""


def conclude(limit: Limit, totals: Totals) -> Limit:
    """Return the outcome of a search that ``limit`` has ended: a failure if there is no best candidate, or nothing on
    the front. An imported result counts as a success. Infeasible candidates do not: the agent has learned from them,
    but the user has nothing to use.
    """
    if limit.failed or totals.has_result:
        return limit
    ended = f"({limit.reason}: {limit.message})"
    why, example = _why(totals)
    reason = NO_SUCCESS if totals.front.best is None else EMPTY_FRONT
    return replace(limit, reason=reason, message=f"{why} {ended}{example}", failed=True)


def why_no_result(totals: Totals) -> str:
    """Say why a search that has ended has no best candidate, or nothing on the front, whatever has ended it."""
    return "".join(_why(totals))


def find_example(totals: Totals) -> Trial | None:
    """Return the latest trial with the commonest outcome without a reward; None if there is none. One that could not be
    trained comes before any that was ended: only its message and its log say what went wrong.
    """
    outcomes = _by_frequency(totals)
    wrong = (outcome for outcome in outcomes if outcome[0] in (TrialState.FAILED, TrialState.INFEASIBLE))
    chosen = next(wrong, outcomes[0] if outcomes else None)
    return None if chosen is None else totals.examples[chosen]


def _why(totals: Totals) -> tuple[str, str]:
    """Return the cause, and an example of it, which is empty where there is none."""
    if totals.front.best is not None:
        return f"no trial is as good as every reference: {totals.front.best_in_words}", ""
    if totals.paused_at and not totals.fruitless:
        count = totals.paused_at.total()
        cure = "go on if the limit that ended the search is raised"
        return f"no trial was trained to its end: {count} are Paused, and {cure}", ""
    if (example := find_example(totals)) is None:
        return "no trial was run", ""
    said = example.message or example.reason or example.state
    return f"no trial succeeded: {_causes(totals)}", f"; trial {example.index}: {said}"


def _causes(totals: Totals) -> str:
    """Count the outcomes, the commonest first: ``6 Failed with OOMKilled, 2 Infeasible``."""
    outcomes = _by_frequency(totals)
    said = [
        f"{totals.fruitless[state, reason]} {state}" + ("" if reason in ("", state) else f" with {reason}")
        for state, reason in outcomes[:MAX_CAUSES]
    ]
    rest = sum(totals.fruitless[outcome] for outcome in outcomes[MAX_CAUSES:])
    return ", ".join([*said, *([f"{rest} otherwise"] if rest else [])])


def _by_frequency(totals: Totals) -> list[Outcome]:
    return sorted(totals.fruitless, key=lambda outcome: (-totals.fruitless[outcome], outcome))
