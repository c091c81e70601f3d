"""What was decided about a trial at its rungs, and who was better there: for `evonas explain`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table

from evonas.recorded.rungs import Judgement, judge
from evonas.recorded.search import RecordedSearch
from evonas.search.objective import values_of
from evonas.search.standings import Merit, new_standings, point_of
from evonas.search.trial import Trial, TrialState, in_numbers
from evonas.spec import SearchSpec
from evonas.wording import counted


def at_rungs(record: RecordedSearch, trial: Trial, shown: int) -> Iterator[RenderableType]:
    """Yield what is known of a trial at its rungs; nothing if it reached none. Of those that were better where it was
    stopped or is paused, the best are ``shown``, and the one that it had to match.
    """
    judgements = [*judge(record.spec, record.trials)]
    own = [judgement for judgement in judgements if judgement.trial.index == trial.index]
    if not own:
        return
    metric, last = record.spec.objective.name, own[-1]
    names = [objective.name for objective in record.spec.objectives]
    better = _better(record, judgements, last)
    bound = "at most" if record.spec.objective.minimize else "at least"
    if trial.state is TrialState.STOPPED and last.needed is not None:
        yield f"to go on at step {last.result.step}, it needed {metric} {bound} {last.needed:.6g}"
    if trial.state is TrialState.PAUSED and last.needed is not None and last.decision.stops:
        yield f"to go on from step {last.result.step}, it would need {metric} {bound} {last.needed:.6g}"
    if record.spec.pauses:
        yield from _attempts(trial)
        yield _pauses_table(own, names)
    else:
        yield _rungs_table(own, names)
    if trial.state.is_at_rung and better and shown:
        yield _better_table(record.spec, better, shown, last)


def _better(record: RecordedSearch, judgements: Sequence[Judgement], last: Judgement) -> list[Judgement]:
    """Return those that had a better result at a rung, the best first: before a trial that was stopped there, and ever
    where one is paused.
    """
    waits, there = last.trial.state is TrialState.PAUSED, new_standings(record.spec.objectives)
    entered = [
        other
        for other in judgements
        if other.result.step == last.result.step and (waits or other.result.sequence <= last.result.sequence)
    ]
    points = [point_of(record.spec.objectives, other.trial, other.result) for other in entered]
    for point in points:
        there.add(point)
    merits = {other.trial.index: there.merit(point) for other, point in zip(entered, points, strict=True)}

    def merit(judgement: Judgement) -> Merit:
        return merits[judgement.trial.index]

    return sorted((other for other in entered if merit(other) > merit(last)), key=merit, reverse=True)


def outcome_of(judgement: Judgement, *, pauses: bool) -> str:
    """Return what the rule said of a result at a rung, and what became of the trial there, in words."""
    stopped = judgement.trial.state is TrialState.STOPPED and judgement.is_last
    then = _then(judgement) if pauses else "stopped" if stopped else "went on"
    return f"{judgement.decision.because}: {then}"


def _rungs_table(own: Sequence[Judgement], names: Sequence[str]) -> Table:
    table = _table("at its rungs", "step", *names, "then")
    for judgement in own:
        said = outcome_of(judgement, pauses=False)
        table.add_row(str(judgement.result.step), *_cells(judgement, names), said)
    return table


def _attempts(trial: Trial) -> Iterator[str]:
    attempts = counted(trial.latest_attempt, "attempt")
    yield f"trained in {attempts}" if trial.seconds is None else f"trained for {trial.seconds:.0f} s in {attempts}"
    if trial.lost_checkpoints:
        yield (
            f"checkpoints lost: {trial.lost_checkpoints}; each time it was to go on from a rung, and was trained again"
            " from less"
        )


def _pauses_table(own: Sequence[Judgement], names: Sequence[str]) -> Table:
    """Return what a trial had at each pause, in which attempt, and what the rule asked for when it went on, or asks for
    now: with a single objective, one value.
    """
    needed = ["needed"] if len(names) == 1 else []
    table = _table("at its rungs", "step", *names, *needed, "attempt", "then")
    # The latest attempts are listed: the last pause of them was at the last rung.
    ended = [str(attempt.number) for attempt in own[-1].trial.attempts if attempt.paused]
    numbers = [*["-"] * (len(own) - len(ended)), *ended][-len(own) :]
    for judgement, number in zip(own, numbers, strict=True):
        bound = "-" if judgement.needed is None else f"{judgement.needed:.6g}"
        said = outcome_of(judgement, pauses=True)
        cells = [*_cells(judgement, names), *(bound for _ in needed)]
        table.add_row(str(judgement.result.step), *cells, number, said)
    return table


def _then(judgement: Judgement) -> str:
    if (after := judgement.result.promoted_after) is None:
        waits = judgement.trial.state is TrialState.PAUSED and not judgement.decision.stops
        return "paused, may go on" if waits else "paused"
    # The rule would not have let it.
    anyway = ", as no trial had been trained to its end" if judgement.decision.stops else ""
    return f"went on after {counted(after, 'result')}{anyway}"


def _better_table(spec: SearchSpec, better: Sequence[Judgement], shown: int, last: Judgement) -> Table:
    title = f"better at step {last.result.step}"
    if last.trial.state is not TrialState.PAUSED:
        title += " before it"
    rows = [*better[:shown]]
    if len(better) > shown:
        title += f": the best {shown} of {len(better)}" if shown > 1 else f": the best of {len(better)}"
        reached = (other for other in better if last.needed is not None and other.result.value == last.needed)
        bound = next(reached, None)
        if bound is not None and bound not in rows:
            title += ", and the one that it had to match"
            rows.append(bound)
    names = [objective.name for objective in spec.objectives]
    table = _table(title, "trial", *names, "became of it")
    for other in rows:
        table.add_row(str(other.trial.index), *_cells(other, names), _became(spec, other.trial))
    return table


def _table(title: str, *headings: str) -> Table:
    """Return a table without rows, of numbers except for the last column."""
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == headings[-1] else "right", overflow="fold")
    return table


def _became(spec: SearchSpec, trial: Trial) -> str:
    values = values_of(spec.objectives, trial)
    if values is not None:
        return f"{trial.state} with {in_numbers(values)}"
    return f"{trial.state}, {trial.rungs[-1].in_words}"


def _cells(judgement: Judgement, names: Sequence[str]) -> list[str]:
    values = judgement.result.values
    if values is None:
        return ["diverged or beyond a limit", *("-" for _ in names[1:])]
    return [f"{value:.6g}" for value in values]
