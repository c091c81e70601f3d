"""The record of one trial: the proposal and its outcome (docs/architecture.md, invariant 1). Frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from evonas.search.names import trial_name
from evonas.space import Value


def in_words(reason: str, message: str) -> str:
    """Join a reason, one word for programs, and its message for people, without repeating either. Messages do not
    repeat their reason, except those recorded by earlier versions.
    """
    if not message or message.casefold() == reason.casefold():
        return reason
    if not reason or message.casefold().startswith(f"{reason.casefold()}: "):
        return message
    return f"{reason}: {message}"


def in_numbers(values: Sequence[float]) -> str:
    """Return the value of a single objective, or those of several in parentheses: ``(0.81, 4.2)``."""
    said = ", ".join(f"{value:.6g}" for value in values)
    return said if len(values) == 1 else f"({said})"


class TrialState(StrEnum):
    """Where a trial stands."""

    PENDING = "Pending"
    """Recorded; its first attempt has not been seen yet."""
    QUEUED = "Queued"
    RUNNING = "Running"
    PAUSED = "Paused"
    """Ended at a rung for now: it goes on if it is promoted (``search.pausing``)."""
    SUCCEEDED = "Succeeded"
    INFEASIBLE = "Infeasible"
    FAILED = "Failed"
    STOPPED = "Stopped"
    """Ended at a rung, since others were better there (``search.promotion``)."""
    CANCELLED = "Cancelled"
    """Stopped because the search had ended (``spec.onComplete: Cancel``)."""

    @property
    def is_final(self) -> bool:
        """Return whether the outcome is recorded and nothing more will happen."""
        return self not in (TrialState.PENDING, TrialState.QUEUED, TrialState.RUNNING, TrialState.PAUSED)

    @property
    def holds_place(self) -> bool:
        """Return whether it takes one of the places of ``parallelTrials``: it runs or is about to."""
        return self in (TrialState.PENDING, TrialState.QUEUED, TrialState.RUNNING)

    @property
    def is_at_rung(self) -> bool:
        """Return whether it ended at a rung, for good or for now, before the end of its training."""
        return self in (TrialState.STOPPED, TrialState.PAUSED)

    @property
    def teaches(self) -> bool:
        """Return whether the agent learns from it: failed and cancelled trials say nothing about their candidates."""
        return self in (TrialState.SUCCEEDED, TrialState.INFEASIBLE, TrialState.STOPPED)


REPEAT = "repeat"
"""Origin of a candidate that the agent trains again, to see whether its reward was luck."""

IMPORTED, LISTED = "imported", "listed"
"""Origins of candidates from outside: a result that is known from elsewhere, and decisions that a user wants tried."""


VETOED = "Vetoed"
"""Reason of an infeasible trial that a user did not want."""

PROMOTED = "Promoted"
"""Reason of a queued trial that was paused and is told to go on."""

MAX_ABANDONED = 1000
"""How many trials one proposal may name: no more can end between two proposals than run at once, except in searches
whose first proposals were made before trials were named."""


@dataclass(frozen=True)
class ProposalRecord:
    """How the agent arrived at the candidate, or where else it comes from."""

    origin: str
    parent: int | None
    mutated: tuple[str, ...]
    observed_up_to: int
    redrawn: int = 0
    competitors: int = 1
    value: float | None = None
    rank: int | None = None
    policy_ratio: float | None = None
    pinned: tuple[int, ...] = ()
    """Trials that were in the population only because they were pinned."""
    repeat: int | None = None
    """Which confirmation of ``parent`` this is, from 1; None for what the agent proposed."""
    abandoned: tuple[int, ...] | None = None
    """Failed and cancelled trials that the agent knew about and no earlier proposal names; together with those named
    earlier, all that it knew about. None if that was not recorded."""


@dataclass(frozen=True)
class Import:
    """What a trial with the origin ``IMPORTED`` brings with it: nothing is run for it here."""

    source: str
    """Where it was read from, for display: ``search cifar-small``."""
    trial: int
    """Its index there."""
    reward: float
    """By the importing search's objective, in the user's orientation."""
    metrics: Mapping[str, float]
    runs: int
    """How often the candidate was trained there; reward and metrics are means."""
    of: int
    """How many results the whole import has."""


@dataclass(frozen=True)
class Reuse:
    """The result of an identical trial of another search (``search.reuse``): nothing is run for this one."""

    search: str
    """Name of the search whose trial was run."""
    uid: str
    """UID of that search."""
    index: int
    """The trial's index there."""
    fingerprint: str
    """What both trials have in common."""
    state: TrialState
    """Succeeded or infeasible."""
    reward: float | None
    metrics: Mapping[str, float]

    @property
    def trial(self) -> str:
        """Name of the trial that was run."""
        return trial_name(self.search, self.uid, self.index)


@dataclass(frozen=True)
class EndedAttempt:
    """One attempt that is over, as the trial's status lists it."""

    number: int
    reason: str
    message: str = ""
    pod: str | None = None
    node: str | None = None
    start_time: datetime | None = None
    completion_time: datetime | None = None
    disrupted: bool = False
    """True if it was stopped from outside: the attempt continues in another pod, and no retry is used up."""

    @property
    def paused(self) -> bool:
        """Whether it ended at a rung, from which another attempt may go on."""
        return self.reason == TrialState.PAUSED


@dataclass(frozen=True)
class RungResult:
    """What a trial had reached at a rung (``spec.fidelity``)."""

    step: int
    value: float | None
    """Value of the objective, constraints included, in the user's orientation; None if the candidate had diverged or
    was beyond a hard limit, the worst result."""
    sequence: int = 0
    """Place among the results that the agent learns from, from 1; 0 until it is recorded."""
    promoted_after: int | None = None
    """How many results were recorded when the trial, paused here, was told to go on; None if it was not."""
    others: tuple[float, ...] = ()
    """Values of the other objectives, where there are several; empty if ``value`` is None."""

    @property
    def values(self) -> tuple[float, ...] | None:
        """Value of each objective; None if the candidate had diverged or was beyond a hard limit."""
        return None if self.value is None else (self.value, *self.others)

    @property
    def in_words(self) -> str:
        """For people: ``0.81 at step 9``, with several objectives ``(0.81, 4.2) at step 9``."""
        if self.values is None:
            return f"diverged or beyond a limit at step {self.step}"
        return f"{in_numbers(self.values)} at step {self.step}"


MAX_ATTEMPTS = 10
"""How many of the latest attempts a record lists; disruptions are unlimited, and an object must not grow."""


@dataclass(frozen=True)
class Trial:
    """One candidate of a search: ``spec`` and ``status`` of an ArchitectureTrial."""

    index: int
    decisions: Mapping[str, Value]
    proposal: ProposalRecord
    state: TrialState = TrialState.PENDING
    reason: str = ""
    message: str = ""
    reward: float | None = None
    """Value of the objective, constraints included, in the user's orientation; None unless succeeded."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    sequence: int | None = None
    """Place among the results that the agent learns from, from 1; None if it learns nothing. A stopped trial's is that
    of its last rung."""
    rungs: tuple[RungResult, ...] = ()
    """Results before the end of the training, ascending."""
    attempts: tuple[EndedAttempt, ...] = ()
    """The last finished ones, at most ``MAX_ATTEMPTS``, including disrupted ones."""
    disruptions: int = 0
    """How often it was stopped from outside (preemption, eviction, loss of the node, a queue's decision)."""
    lost_checkpoints: int = 0
    """How often it was to go on from a rung and started again from less."""
    start_time: datetime | None = None
    completion_time: datetime | None = None
    gpu_seconds: int = 0
    imported: Import | None = None
    reused: Reuse | None = None
    """Set when the trial is recorded, or never."""
    fingerprint: str | None = None
    """Fingerprint of what produced the result; None without a result, or if recorded before fingerprints existed."""

    @property
    def outcome(self) -> str:
        """State, reason and message in one line: ``Failed: OOMKilled: the container exited with code 137``."""
        return in_words(self.state, in_words(self.reason, self.message))

    @property
    def last_sequence(self) -> int:
        """The last of its places in the sequence; 0 if it has none."""
        return max(self.sequence or 0, self.rungs[-1].sequence if self.rungs else 0)

    @property
    def is_run(self) -> bool:
        """Return whether anything is run for it: a result known from elsewhere costs nothing here."""
        return self.imported is None and self.reused is None

    @property
    def seconds(self) -> float | None:
        """How long it took from start to end, without the time for which it was paused, as far as its attempts are
        listed; None if it has not done both.
        """
        if self.start_time is None or self.completion_time is None:
            return None
        seconds = (self.completion_time - self.start_time).total_seconds()
        for place, attempt in enumerate(self.attempts):
            if attempt.paused and attempt.completion_time is not None:
                later = (after.start_time for after in self.attempts[place + 1 :] if after.start_time is not None)
                seconds -= (next(later, self.completion_time) - attempt.completion_time).total_seconds()
        return seconds

    @property
    def last_value(self) -> float | None:
        """Its reward or, if it was stopped or paused, the value at its last rung."""
        return self.rungs[-1].value if self.state.is_at_rung and self.rungs else self.reward

    @property
    def is_cut_short(self) -> bool:
        """Return whether its attempt was ended by a decision, and not by itself: at a rung, by a veto, or because the
        search had ended."""
        vetoed = self.state is TrialState.INFEASIBLE and self.reason == VETOED
        return vetoed or self.state in (TrialState.STOPPED, TrialState.CANCELLED)

    @property
    def is_proposed(self) -> bool:
        """Return whether this search's agent proposed it."""
        return not self.is_confirmation and self.proposal.origin not in (IMPORTED, LISTED)

    @property
    def is_repeat(self) -> bool:
        """Return whether the agent proposed a known candidate again, that of the trial's ``proposal.parent``."""
        return self.proposal.origin == REPEAT

    @property
    def candidate(self) -> int:
        """Index of its candidate's first trial, which is its own unless it is a repeat."""
        return self.proposal.parent if self.is_repeat and self.proposal.parent is not None else self.index

    @property
    def is_confirmation(self) -> bool:
        """Return whether it trains a leader again, after the search; the agent neither proposed it nor learns from
        it."""
        return self.proposal.repeat is not None

    @property
    def latest_attempt(self) -> int:
        """Number of the latest attempt that started: the last one of a finished or paused trial."""
        return self.current_attempt if self.state.holds_place or not self.attempts else self.attempts[-1].number

    @property
    def current_attempt(self) -> int:
        """Number of the attempt that is running or to be started, from 1."""
        if not self.attempts:
            return 1
        last = self.attempts[-1]
        return last.number if last.disrupted else last.number + 1
