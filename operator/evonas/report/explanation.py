"""Why a candidate was proposed, how it stands to the front, and why its trial was stopped, in words and tables: for
`evonas explain`.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from evonas.agents import AgentSettings, Alternative
from evonas.domination import find_ranks
from evonas.recorded.search import RecordedSearch
from evonas.report.at_rungs import at_rungs
from evonas.report.front import results_in_words
from evonas.report.standing import standing_in_words
from evonas.search.lessons import Lesson, in_order, lessons_of
from evonas.search.means import mean
from evonas.search.objective import oriented, oriented_values, values_of
from evonas.search.trial import LISTED, REPEAT, Trial, TrialState, in_words
from evonas.search.trial_environment import to_text
from evonas.space import Value
from evonas.wording import counted, first_of

MOST_OWED = 4
"""How many earlier searches are named of those to which a proposal owes something."""


def explanation(record: RecordedSearch, trial: Trial, considered: Sequence[Alternative], shown: int) -> RenderableType:
    """Return what is known about a proposal; of its alternatives, ``considered``, the best are ``shown``."""
    chosen = next((item for item in considered if item.decisions == dict(trial.decisions)), None)
    parts: list[RenderableType] = [
        _outcome(record, trial),
        *standing_in_words(record, trial),
        *at_rungs(record, trial, shown),
        *(_moment(record, trial) if trial.is_proposed else ()),
        *_origin(record, trial),
        _decisions_table(record, trial, chosen),
        *(_choice(record, trial, chosen) if trial.is_proposed else ()),
        *(_owed(record, chosen) if chosen is not None and chosen.owed is not None else ()),
    ]
    if considered and shown and trial.proposal.origin not in ("random", REPEAT):
        parts += ["", _alternatives_table(record, trial, considered, shown)]
    return Group(*parts)


def _outcome(record: RecordedSearch, trial: Trial) -> str:
    reward = "" if trial.reward is None else f" with {results_in_words(record, trial)}"
    why = in_words("" if trial.reason == trial.state else trial.reason, trial.message)
    if trial.state is TrialState.PAUSED:
        # Its message is as of when it came there.
        why = trial.rungs[-1].in_words
    return f"trial {trial.index} of {record.source}: {trial.state}{reward}{f' ({why})' if why else ''}"


def _moment(record: RecordedSearch, trial: Trial) -> Iterable[str]:
    known = _known(record, trial)
    ended = sum(lesson.ends for lesson in known)
    at_rungs = f" and {len(known) - ended} more at rungs" if len(known) > ended else ""
    were = "was" if len(known) == ended == 1 else "were"
    yield (
        f"when it was proposed, {counted(ended, 'result')}{at_rungs} {were} known and"
        f" {counted(trial.index - ended, 'earlier trial')} had no result yet"
    )


def _known(record: RecordedSearch, trial: Trial) -> list[Lesson]:
    """Return what the agent had learned when it proposed a trial."""
    return in_order(chain.from_iterable(map(lessons_of, record.trials)))[: trial.proposal.observed_up_to]


def _origin(record: RecordedSearch, trial: Trial) -> Iterable[str]:
    proposal = trial.proposal
    if proposal.origin == "random":
        yield "origin: random, drawn uniformly from the space (in the warm-up, or because all other draws were known)"
    elif proposal.origin == "policy":
        yield "origin: policy, every decision drawn from the network"
    elif proposal.origin == "transfer":
        yield f"origin: transfer, from one of the best candidates of {_elders(record, trial)}"
    elif proposal.origin == "sampler":
        yield f"origin: sampler, drawn by agent {record.spec.agent.type} with its own method"
    elif trial.is_repeat:
        yield from _repeated(record, trial)
    elif trial.imported is not None:
        yield f"origin: imported from {trial.imported.source}, trial {trial.imported.trial} there; nothing was run here"
    elif proposal.origin == LISTED:
        yield "origin: listed by the user (spec.warmStart.candidates or evonas enqueue)"
    elif trial.is_confirmation:
        yield f"origin: confirmation number {proposal.repeat} of trial {proposal.parent}, a leader trained again"
    else:
        yield f"origin: {proposal.origin}{_parent(record, trial)}"
    if trial.reused is not None:
        yield (
            f"nothing was run for it: search {trial.reused.search} had already run the same (its trial"
            f" {trial.reused.index}), and spec.reuseResults reuses such results"
        )
    if proposal.policy_ratio is not None:
        likelihood = _times(proposal.policy_ratio)
        yield f"its drawn decisions together are {likelihood} under the policy as by chance"


def _repeated(record: RecordedSearch, trial: Trial) -> Iterable[str]:
    """Say what was known of the candidate when it was trained again."""
    yield f"origin: repeat of trial {trial.candidate}, whose candidate may be the best if its reward was not luck"
    rewards = _rewards(record, trial)[trial.candidate]
    if rewards and record.spec.has_several:
        yield f"it had been trained {counted(len(rewards), 'time')}; the repeat has another seed"
    elif rewards:
        of = "that reward" if len(rewards) == 1 else f"the mean of {len(rewards)} rewards"
        yield f"{of} was {mean(rewards):.6g}; the repeat has another seed"


def _elders(record: RecordedSearch, trial: Trial) -> str:
    """Return the earlier searches that have a candidate with all the decisions that were copied."""
    copied = {
        decision.name: decision.index_of(trial.decisions[decision.name])
        for decision in record.spec.space.decisions
        if decision.name in trial.decisions and decision.name not in trial.proposal.mutated
    }
    if record.knowledge is None:
        return "an earlier search"
    return first_of(
        [
            task.source
            for task in record.knowledge.experience.tasks
            if any(copied.items() <= {*zip(task.decisions, candidate, strict=True)} for candidate in task.candidates)
        ]
    )


def _parent(record: RecordedSearch, trial: Trial) -> str:
    index = trial.proposal.parent
    parent = None if index is None else record.trial(index)
    population = _population(record, trial)
    taught = None if parent is None else population.get(parent.index)
    if parent is None or taught is None:
        return "" if index is None else f" of trial {index}"
    repeated = _rewards(record, trial)
    place = _place(record, population, parent.index, repeated)
    pinned = len(trial.proposal.pinned)
    latest = counted(len(population) - pinned, "latest result")
    members = f"the {latest}" + (f" and {counted(pinned, 'pinned one')}" if pinned else "")
    kept = " (pinned)" if index in trial.proposal.pinned else ""
    if taught.rung is not None:
        had = parent.rungs[taught.rung].in_words
    elif record.spec.has_several:
        had = results_in_words(record, parent)
    else:
        had = f"{_worth(taught, repeated):.6g}"
        if len(repeated[parent.index]) > 1:
            had = f"a mean of {had} in {len(repeated[parent.index])} runs"
    return f" of trial {index}{kept}, which had {had}: {place} of {members}, from which parents are drawn"


def _place(
    record: RecordedSearch, population: Mapping[int, Lesson], parent: int, repeated: Mapping[int, list[float]]
) -> str:
    """Return a parent's rank in the population, in words."""
    objectives = record.spec.objectives
    if not record.spec.has_several:
        values = [value for lesson in population.values() if (value := _worth(lesson, repeated)) is not None]
        merit = oriented(objectives[0], _worth(population[parent], repeated) or 0.0)
        return f"rank {1 + sum(oriented(objectives[0], value) > merit for value in values)}"
    known = {index: found for index, lesson in population.items() if (found := _values(record, lesson)) is not None}
    ranks = find_ranks(np.array([oriented_values(objectives, values) for values in known.values()]))
    rank = dict(zip(known, ranks.tolist(), strict=True))[parent]
    return "on the front" if rank == 0 else f"behind {counted(rank, 'front')}"


def _values(record: RecordedSearch, lesson: Lesson) -> Sequence[float] | None:
    if lesson.rung is None:
        return values_of(record.spec.objectives, lesson.trial)
    return lesson.trial.rungs[lesson.rung].values


def _population(record: RecordedSearch, trial: Trial) -> dict[int, Lesson]:
    """Return the results that could become parents when the trial was proposed, by the trial's index: each as it was
    last known, the latest last.
    """
    latest: dict[int, Lesson] = {}
    for lesson in _known(record, trial):
        if not lesson.trial.is_repeat and (lesson.ends or record.spec.pauses):
            latest.pop(lesson.trial.index, None)
            latest[lesson.trial.index] = lesson
    feasible = {index: lesson for index, lesson in latest.items() if _value(lesson) is not None}
    recent = [*feasible][-AgentSettings.parse(record.spec.agent.settings).evolution.population :]
    return {index: feasible[index] for index in (*recent, *trial.proposal.pinned) if index in feasible}


def _rewards(record: RecordedSearch, trial: Trial) -> Mapping[int, list[float]]:
    """Return the rewards of each candidate, by its first trial, that the agent knew when it proposed a trial."""
    rewards = defaultdict[int, list[float]](list)
    for lesson in _known(record, trial):
        if lesson.rung is None and lesson.trial.reward is not None:
            rewards[lesson.trial.candidate].append(lesson.trial.reward)
    return rewards


def _worth(lesson: Lesson, rewards: Mapping[int, list[float]]) -> float | None:
    """Return what a member of the population is taken to be worth: the mean of its rewards, if it has several."""
    known = rewards[lesson.trial.index]
    return mean(known) if lesson.rung is None and known else _value(lesson)


def _value(lesson: Lesson) -> float | None:
    return lesson.trial.reward if lesson.rung is None else lesson.trial.rungs[lesson.rung].value


def _decisions_table(record: RecordedSearch, trial: Trial, chosen: Alternative | None) -> Table:
    index = trial.proposal.parent
    parent = None if index is None else record.trial(index)
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("decision", *([f"trial {index}"] if parent else []), f"trial {trial.index}", "how"):
        table.add_column(heading, overflow="fold")
    for name, value in trial.decisions.items():
        before = parent.decisions.get(name) if parent else None
        descends = parent is not None or trial.proposal.origin == "transfer"
        how = "drawn" if name in trial.proposal.mutated or not descends else "copied"
        how = how if trial.is_proposed and not trial.is_repeat else "given"
        if how == "drawn" and before == value and parent:
            how = "drawn, unchanged"
        if chosen is not None and name in chosen.policy_ratios and trial.proposal.origin != "random":
            how += f", {_times(chosen.policy_ratios[name])} as by chance"
        table.add_row(name, *(["-" if before is None else to_text(before)] if parent else []), to_text(value), how)
    return table


def _choice(record: RecordedSearch, trial: Trial, chosen: Alternative | None) -> Iterable[str]:
    proposal = trial.proposal
    if trial.is_repeat:
        return
    if proposal.value is not None and record.spec.has_several:
        yield _expected(record, trial, chosen)
    elif proposal.value is not None:
        median = "median reward so far" if proposal.observed_up_to else "median reward of an earlier search"
        yield (
            f"the critic expected {proposal.value:+.2f} (0 is the {median}, 1 a standard deviation above)"
            f" and ranked it {proposal.rank} of {counted(proposal.competitors, 'candidate')}, taking its uncertainty"
            " into account"
        )
    if proposal.redrawn == 1:
        yield "1 candidate before it was discarded: it had been proposed before"
    elif proposal.redrawn:
        yield f"{proposal.redrawn} candidates before it were discarded: they had been proposed before"
    else:
        yield "it was the first choice: no candidate before it was discarded as proposed before"


def _expected(record: RecordedSearch, trial: Trial, chosen: Alternative | None) -> str:
    """Say what the critics expected of a candidate: by how much the hypervolume would grow, else by how much the front
    is missed, both on the critics' scales.
    """
    value = trial.proposal.value or 0.0
    worth = f"the hypervolume to grow by {value:.1%}" if value >= 0 else f"it to miss the front by {-value:.2f}"
    if chosen is None or chosen.values is None:
        expected = f"{worth}, on their scales"
    else:
        names = (each.name for each in record.spec.objectives)
        said = " and ".join(f"{name} {score:+.2f}" for name, score in zip(names, chosen.values, strict=True))
        expected = f"{said} (0 is an average result, 1 a standard deviation better), and so {worth}"
    ranked = f"ranked {trial.proposal.rank} of {counted(trial.proposal.competitors, 'candidate')}"
    return f"the critics expected {expected}; it was {ranked}"


def _owed(record: RecordedSearch, chosen: Alternative) -> Iterable[str]:
    """Say how much of what the critic expected is due to each earlier search."""
    shares = zip(record.experience.tasks, chosen.owed or (), strict=True)
    ranked = sorted(((task.source, share) for task, share in shares), key=lambda each: -abs(each[1]))
    said = [f"{share:+.2f} is due to {source}" for source, share in ranked[:MOST_OWED]]
    others = ranked[MOST_OWED:]
    if others:
        said.append(f"{math.fsum(share for _, share in others):+.2f} to {counted(len(others), 'other')}")
    yield f"of that, {', '.join(said)}"


def _alternatives_table(record: RecordedSearch, trial: Trial, considered: Sequence[Alternative], shown: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title="what else was considered, in order of preference", title_justify="left")
    names = [each.name for each in record.spec.objectives] if any(each.values for each in considered) else []
    for heading in ("place", "expected", *names, "parent", "differs in", ""):
        table.add_column(heading, overflow="fold")
    # Several draws may be the same candidate, which has the place of the first; `reversed` has that one written last.
    places = {_written(item.decisions): place for place, item in reversed([*enumerate(considered, start=1)])}
    places.pop(_written(trial.decisions), None)
    for place in sorted(places.values())[:shown]:
        item = considered[place - 1]
        differs = {name: value for name, value in item.decisions.items() if trial.decisions.get(name) != value}
        table.add_row(
            str(place),
            "-" if item.value is None else format(item.value, "+.1%" if names else "+.2f"),
            *(("-" for _ in names) if item.values is None else (f"{score:+.2f}" for score in item.values)),
            "-" if item.parent is None else str(item.parent),
            json.dumps(differs),
            "proposed before" if item.is_known else "",
        )
    return table


def _written(decisions: Mapping[str, Value]) -> str:
    return json.dumps(dict(decisions), sort_keys=True)


def _times(ratio: float) -> str:
    times = f"{ratio:.3g}"
    return "as likely" if times == "1" else f"{times} times as likely"
