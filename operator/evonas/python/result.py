"""A search's record as Python sees it: what ``Search.run`` and ``evonas.open`` return."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evonas.errors import EvonasError
from evonas.manifest import to_yaml
from evonas.python.trials import Trial, Trials, front_of, trial_of, trials_of
from evonas.recorded.preference import parse_preference, prefer
from evonas.recorded.search import RecordedSearch, manifest_of
from evonas.search.recommendation import recommend
from evonas.sources.following import follow
from evonas.sources.source import Source, find_trial
from evonas.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INTERVAL = 2.0


class Result:
    """The record of one search, here or in a cluster, as it was when it was read; ``refresh`` reads it again."""

    def __init__(self, source: Source, record: RecordedSearch | None = None) -> None:
        """Read the record, unless it was just read; EvonasError if there is none or it cannot be read."""
        self._source = source
        self._record = source.read() if record is None else record

    @property
    def name(self) -> str:
        """The search's name."""
        return self._record.identity.name

    @property
    def phase(self) -> str:
        """``Running``, ``Complete``, ``Failed``, ``Stopped`` (unfinished, and no process works on it), or, in a
        cluster, ``Pending``, ``Refused`` or ``Suspended``.
        """
        return self._record.phase.value

    @property
    def is_over(self) -> bool:
        """Whether no more trials will come."""
        return self._record.phase.is_over

    @property
    def trials(self) -> Trials:
        """All trials, by index."""
        return trials_of(self._record)

    @property
    def best(self) -> Trial | None:
        """The trial with the best reward; None before the first result. EvonasError for a search with several
        objectives, of whose trials none is the best: see ``front`` and ``pick``.
        """
        self._require_one("the best")
        best = self._record.totals.best
        return None if best is None else trial_of(self._record.spec, best)

    @property
    def recommended(self) -> Trial | None:
        """A trial of the candidate that is expected to be best where rewards are noisy and leaders were trained again;
        otherwise that with the best reward. None before the first result. EvonasError for a search with several
        objectives.
        """
        self._require_one("recommended")
        found = recommend(self._record.spec, self._record.totals)
        return self.best if found is None else trial_of(self._record.spec, found.trial)

    @property
    def front(self) -> Trials:
        """The trials that no other dominates, in a search with several objectives: none is at least as good in all of
        them and better in one. Those that are best in the first objective come first. With a single objective, the best
        trial alone.
        """
        return front_of(self._record)

    @property
    def hypervolume(self) -> float | None:
        """How much the front dominates, up to the reference, in the product of the objectives' units; None before the
        first result, and with a single objective.
        """
        return self._record.overview.hypervolume

    def pick(self, rule: str) -> Trial:
        """Return the trial of the front that a rule picks: conditions and then one choice, as in
        ``accuracy>=0.92,min:latency_ms``, or ``knee``, the one farthest above the line between the front's ends. In a
        search with one objective, it is picked from all trials with a result. EvonasError if the rule is none, or
        nothing meets it.
        """
        if not isinstance(rule, str):
            raise EvonasError(f"pick: needs a rule, such as 'knee' or 'accuracy>=0.92,min:latency_ms', got {rule!r}")
        found = prefer(self._record, parse_preference(rule, f"pick({rule!r})"))
        return trial_of(self._record.spec, found, 0 if self._record.spec.has_several else None)

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The ArchitectureSearch, without what was observed about it."""
        return manifest_of(self._record.body)

    def refresh(self) -> Result:
        """Return the record as it is now."""
        return Result(self._source)

    def wait(self, timeout: float | None = None, interval: float = INTERVAL) -> Result:
        """Return the record once the search is over, or nothing works on it any more.

        It is read every ``interval`` seconds. TimeoutError if that takes more than ``timeout`` seconds.
        """
        found = self
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        if not self._record.phase.is_at_rest:
            for record in follow(self._source, interval, deadline=deadline):
                found = Result(self._source, record)
        if not found._record.phase.is_at_rest:
            overview = found._record.overview
            raise TimeoutError(
                f"{found._record.source} is {found.phase} after {timeout:g} seconds, with"
                f" {overview.counts.get('total', 0)} of {overview.max_trials} trials; wait again, or longer"
            )
        return found

    def plot(self) -> Figure:
        """Return the curves: the moving average of the rewards, and the best so far; of a search with several
        objectives, its results with the front in the first two of them, and how its hypervolume grew.
        """
        if self._record.spec.has_several:
            from evonas.report.front_plots import draw_front  # noqa: PLC0415 - as below

            return draw_front(self._record)
        from evonas.report.plots import draw_plots  # noqa: PLC0415 - matplotlib, only where something is drawn

        objective = self._record.spec.objective
        return draw_plots({self.name: self._record.trials}, minimize=objective.minimize, metric=objective.name)

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML file, as ``evonas report`` does; returns its path."""
        from evonas.report.html import save_report  # noqa: PLC0415 - only where it is written

        save_report([self._record], Path(path), price=None, metrics=None)
        return Path(path)

    def export(self, path: str | Path) -> Path:
        """Write the whole record to a file that ``open`` reads, as ``evonas export`` does, or, if the name ends in
        ``.csv``, a row for each trial; returns its path.
        """
        from evonas.sources.export import is_table, write_export  # noqa: PLC0415 - only where it is written

        if self._record.lacking is not None and not is_table(Path(path)):
            raise EvonasError(self._record.lacking)
        write_export(self._record, Path(path))
        return Path(path)

    def log(self, index: int, attempt: int | None = None) -> str:
        """Return what a trial printed, in its latest attempt or that of the given number; EvonasError if nothing is
        kept.
        """
        trial = find_trial(self._record, index)
        if not trial.is_run:
            raise EvonasError(f"nothing was run for trial {index} of {self._record.source}: it has the {trial.message}")
        output = io.BytesIO()
        self._source.log(trial, attempt or trial.latest_attempt, output.write, follow=False)
        return output.getvalue().decode(errors="replace")

    def to_yaml(self) -> str:
        """Return the manifest as YAML."""
        return to_yaml(self.manifest, allow_unicode=True)

    def _require_one(self, what: str) -> None:
        if self._record.spec.has_several:
            raise EvonasError(
                f"{self._record.source} has several objectives, so no trial is {what}: .front has those that no other "
                'dominates, and .pick("knee") or .pick("accuracy>=0.92,min:latency_ms"), say, picks one of them'
            )

    def _repr_html_(self) -> str:
        from evonas.python.html import search_html  # noqa: PLC0415 - Jinja, only where a page is shown

        return search_html(self._record)

    def __repr__(self) -> str:
        overview, best = self._record.overview, self._record.totals.best
        if self._record.spec.has_several and overview.hypervolume is not None:
            found = f"{counted(len(self.front), 'trial')} on the front, hypervolume {overview.hypervolume:.6g}"
        elif best is None:
            found = "no result yet"
        else:
            found = f"best {overview.metric} {overview.best:.6g} (trial {best.index})"
        return f"<{self._record.source}: {self.phase}, {overview.counts['total']} trials, {found}>"
