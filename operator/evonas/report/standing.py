"""How a trial stands to the front of its search, in words: for `evonas explain`."""

from __future__ import annotations

from collections.abc import Iterator

from evonas.domination import contributions
from evonas.recorded.fronts import points_of, stand
from evonas.recorded.search import RecordedSearch
from evonas.report.front import confirmed_in_words, results_in_words
from evonas.search.objective import oriented, oriented_values, values_of
from evonas.search.trial import Trial
from evonas.wording import counted

MOST_NAMED = 3
"""How many of the members that dominate a trial are named."""


def standing_in_words(record: RecordedSearch, trial: Trial) -> Iterator[str]:
    """Yield why a trial is on the front, or by which members it is dominated; nothing of a search with one objective,
    or of a trial without a result.
    """
    if not record.spec.has_several or trial.reward is None or trial.is_confirmation:
        return
    front = record.totals.front
    found = stand(record.spec.objectives, record.trials, front.members, trial)
    assert found is not None
    others = counted(found.dominated, "other")
    if any(member.index == trial.index for member in front.members):
        yield f"on the front: no other trial dominates it, and it dominates {others}"
        yield f"without it, the hypervolume would be {_share(record, trial):.2%} smaller"
    elif found.rank is None:
        yield f"on no front: it is worse than {_references(record, trial)}"
    elif found.equals is not None:
        yield f"not on the front: trial {found.equals.index}, recorded before it, has the same values"
    else:
        yield (
            f"behind {counted(found.rank, 'front')}: dominated by {counted(len(found.dominating), 'member')} of the"
            f" front, and dominates {others}"
        )
        for member in found.dominating[:MOST_NAMED]:
            yield f"  trial {member.index} is at least as good in every objective: {results_in_words(record, member)}"
        if (more := len(found.dominating) - MOST_NAMED) > 0:
            yield f"  and so {'is 1 other' if more == 1 else f'are {more} others'}"
    if again := confirmed_in_words(record, trial):
        yield again


def _share(record: RecordedSearch, trial: Trial) -> float:
    """Return by which share the hypervolume would shrink without a member."""
    front, objectives = record.totals.front, record.spec.objectives
    shares = contributions(points_of(objectives, front.members), oriented_values(objectives, front.reference or ()))
    place = [member.index for member in front.members].index(trial.index)
    return float(shares[place])


def _references(record: RecordedSearch, trial: Trial) -> str:
    values = values_of(record.spec.objectives, trial) or ()
    worse = [
        f"{each.name} {each.reference:g}"
        for each, value in zip(record.spec.objectives, values, strict=True)
        if each.reference is not None and oriented(each, value) < oriented(each, each.reference)
    ]
    return f"the reference, {' and '.join(worse)}"
