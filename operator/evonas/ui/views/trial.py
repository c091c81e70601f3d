"""One trial in full, and why it has its candidate."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from evonas.recorded.alternatives import find_alternatives
from evonas.recorded.fitting import check_fits
from evonas.recorded.fronts import stand
from evonas.recorded.rungs import judge
from evonas.recorded.search import RecordedSearch
from evonas.report.at_rungs import outcome_of
from evonas.report.explanation import explanation
from evonas.report.progress import lineage
from evonas.search.objective import values_of
from evonas.search.trial import EndedAttempt, Trial, in_words
from evonas.sources.live.seen import RunningAttempt
from evonas.ui.models import Ancestor, Attempt, Change, Explanation, Rung, Standing, TrialDetails
from evonas.ui.views.columns import plain
from evonas.ui.views.summary import seconds
from evonas.wording import counted

SHOWN = 5
"""How many alternatives an explanation shows, as `evonas explain` does."""
COLUMNS = 120
DOMINATING = 5
"""How many trials of the front that dominate a trial are named."""


def describe_trial(
    record: RecordedSearch, trial: Trial, revision: int, *, pinned: bool, running: RunningAttempt | None
) -> TrialDetails:
    """Return a trial in full."""
    return TrialDetails(
        revision=revision,
        index=trial.index,
        name=record.identity.trial_name(trial.index),
        state=trial.state,
        outcome=trial.outcome,
        reward=trial.reward,
        objectives=_objectives(record, trial),
        standing=_standing(record, trial),
        decisions={name: plain(value) for name, value in trial.decisions.items()},
        metrics=dict(trial.metrics),
        origin=trial.proposal.origin,
        parent=trial.proposal.parent,
        mutated=list(trial.proposal.mutated),
        policy_ratio=trial.proposal.policy_ratio,
        pinned=pinned,
        lineage=[
            Ancestor(
                index=step.trial.index,
                origin=step.trial.proposal.origin,
                value=step.trial.last_value,
                changes=[
                    Change(decision=name, before=before, after=after) for name, (before, after) in step.changes.items()
                ],
            )
            for step in lineage(record, trial)
        ],
        children=[other.index for other in record.trials if other.proposal.parent == trial.index],
        rungs=_rungs(record, trial),
        attempts=[*map(_ended, trial.attempts), *([] if running is None else [_running(running)])],
        checkpoint=_checkpoint(record, trial),
        started=seconds(trial.start_time),
        ended=seconds(trial.completion_time),
        seconds=trial.seconds,
        gpu_seconds=trial.gpu_seconds,
        source=_source(trial),
    )


def explain(record: RecordedSearch, trial: Trial) -> Explanation:
    """Return why a trial has its candidate; folds the record, with the agent's own packages."""
    check_fits(record)
    found = find_alternatives(record, trial)
    console = Console(file=StringIO(), width=COLUMNS, no_color=True, emoji=False, markup=False, highlight=False)
    with console.capture() as said:
        console.print(explanation(record, trial, found.considered, SHOWN))
    return Explanation(text=said.get(), problem=found.problem or None)


def _objectives(record: RecordedSearch, trial: Trial) -> dict[str, float]:
    objectives = record.spec.objectives
    values = values_of(objectives, trial) if record.spec.has_several else None
    return {} if values is None else {each.name: value for each, value in zip(objectives, values, strict=True)}


def _standing(record: RecordedSearch, trial: Trial) -> Standing | None:
    if not record.spec.has_several or trial.reward is None or trial.is_confirmation:
        return None
    found = stand(record.spec.objectives, record.trials, record.totals.front.members, trial)
    assert found is not None
    return Standing(
        rank=found.rank,
        equals=None if found.equals is None else found.equals.index,
        dominated_by=[other.index for other in found.dominating[:DOMINATING]],
        dominating=len(found.dominating),
    )


def _rungs(record: RecordedSearch, trial: Trial) -> list[Rung]:
    if not trial.rungs:
        return []
    said = {
        judgement.result.step: outcome_of(judgement, pauses=record.spec.pauses)
        for judgement in judge(record.spec, record.trials)
        if judgement.trial.index == trial.index
    }
    return [Rung(step=rung.step, value=rung.value, decided=said.get(rung.step, "")) for rung in trial.rungs]


def _ended(attempt: EndedAttempt) -> Attempt:
    return Attempt(
        number=attempt.number,
        running=False,
        outcome=in_words(attempt.reason, attempt.message),
        pod=attempt.pod,
        node=attempt.node,
        started=seconds(attempt.start_time),
        ended=seconds(attempt.completion_time),
    )


def _running(attempt: RunningAttempt) -> Attempt:
    return Attempt(
        number=attempt.attempt,
        running=True,
        outcome="",
        pod=attempt.pod,
        node=attempt.node,
        started=seconds(attempt.started),
        ended=None,
    )


def _checkpoint(record: RecordedSearch, trial: Trial) -> str | None:
    """Return what is known of its latest checkpoint, which its own program keeps; None where trials never pause."""
    if not record.spec.pauses or not trial.rungs:
        return None
    lost = f"; lost {counted(trial.lost_checkpoints, 'time')} before" if trial.lost_checkpoints else ""
    return f"of step {trial.rungs[-1].step}, where its program keeps it{lost}"


def _source(trial: Trial) -> str | None:
    if trial.reused is not None:
        return f"trial {trial.reused.index} of {trial.reused.search}"
    return None if trial.imported is None else f"trial {trial.imported.trial} of {trial.imported.source}"
