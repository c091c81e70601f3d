"""What was decided about a trial at its rungs, and who was better there: for `evonas explain`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table

from evonas.recorded.rungs import Judgement, judge
from evonas.recorded.search import RecordedSearch
from evonas.search.objective import oriented_or_worst
from evonas.search.trial import Trial, TrialState


def at_rungs(record: RecordedSearch, trial: Trial, shown: int) -> Iterator[RenderableType]:
    """Yield what is known of a trial at its rungs; nothing if it reached none. Of those that were better where it was
    stopped, the best are ``shown``, and the one that it had to match.
    """
    judgements = [*judge(record.spec, record.trials)]
    own = [judgement for judgement in judgements if judgement.trial.index == trial.index]
    if not own:
        return
    metric, last = record.spec.objective.metric or "reward", own[-1]
    better = _better(record, judgements, last)
    if trial.state is TrialState.STOPPED and last.needed is not None:
        bound = "at most" if record.spec.objective.minimize else "at least"
        yield f"to go on at step {last.result.step}, it needed {metric} {bound} {last.needed:.6g}"
    yield _rungs_table(own, metric)
    if trial.state is TrialState.STOPPED and better and shown:
        yield _better_table(better, shown, last, metric)


def _better(record: RecordedSearch, judgements: Sequence[Judgement], last: Judgement) -> list[Judgement]:
    """Return those that had a better result at a rung before, the best first."""

    def merit(judgement: Judgement) -> float:
        return oriented_or_worst(record.spec.objective, judgement.result.value)

    there = [
        other
        for other in judgements
        if other.result.step == last.result.step and other.result.sequence < last.result.sequence
    ]
    return sorted((other for other in there if merit(other) > merit(last)), key=merit, reverse=True)


def _rungs_table(own: Sequence[Judgement], metric: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title="at its rungs", title_justify="left")
    for heading in ("step", metric, "then"):
        table.add_column(heading, justify="left" if heading == "then" else "right", overflow="fold")
    for judgement in own:
        stopped = judgement.trial.state is TrialState.STOPPED and judgement.is_last
        table.add_row(
            str(judgement.result.step),
            _number(judgement.result.value),
            f"{judgement.decision.because}: {'stopped' if stopped else 'went on'}",
        )
    return table


def _better_table(better: Sequence[Judgement], shown: int, last: Judgement, metric: str) -> Table:
    title = f"better at step {last.result.step} before it"
    rows = [*better[:shown]]
    if len(better) > shown:
        title += f": the best {shown} of {len(better)}" if shown > 1 else f": the best of {len(better)}"
        bound = next((other for other in better if other.result.value == last.needed), None)
        if bound is not None and bound not in rows:
            title += ", and the one that it had to match"
            rows.append(bound)
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for heading in ("trial", metric, "became of it"):
        table.add_column(heading, justify="left" if heading == "became of it" else "right", overflow="fold")
    for other in rows:
        table.add_row(str(other.trial.index), _number(other.result.value), _became(other.trial))
    return table


def _became(trial: Trial) -> str:
    if trial.reward is not None:
        return f"{trial.state} with {trial.reward:.6g}"
    return f"{trial.state}, {trial.rungs[-1].in_words}"


def _number(value: float | None) -> str:
    return "diverged" if value is None else f"{value:.6g}"
