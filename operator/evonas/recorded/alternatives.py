"""What else an agent might have proposed: derived again by a replay up to one trial. Pure, beside ``replay``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evonas.agents import Alternative, Explaining
from evonas.errors import EvonasError
from evonas.recorded.replay import Replay
from evonas.recorded.search import RecordedSearch
from evonas.search.trial import Trial


@dataclass(frozen=True)
class Alternatives:
    """What a proposal was chosen from."""

    considered: Sequence[Alternative]
    """Empty for a trial that no agent proposed, or an agent that cannot say."""
    problem: str = ""
    """Why it cannot be derived."""


def find_alternatives(record: RecordedSearch, trial: Trial) -> Alternatives:
    """Return the alternatives to a trial of the record."""
    if not trial.is_proposed:
        return Alternatives(())
    try:
        agent = Replay(record.spec, record.trials, record.experience).agent_before(trial.index)
        return Alternatives(list(agent.alternatives()) if isinstance(agent, Explaining) else ())
    except EvonasError as error:
        return Alternatives((), str(error))
