"""A search on this machine from its manifest on: its folder, its journal, what its agent learns from and starts with,
then the loop. `evonas run` and the Python interface both enter here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from evonas.agents import check_agent
from evonas.errors import EvonasError
from evonas.local.damage import find_damage
from evonas.local.journal import JOURNAL_FILE, Journal, open_journal
from evonas.local.passes import Observer
from evonas.local.processes.attempts import MAX_LOG
from evonas.local.processes.command import check_runs_here
from evonas.local.run import LocalRun
from evonas.search.backlog import Result, import_is_open
from evonas.search.placeholders import find_placeholders
from evonas.search.plan import Plan
from evonas.search.totals import Totals
from evonas.search.trial import Trial, TrialState
from evonas.search.trial_environment import check_template
from evonas.sources.knowledge import record_knowledge
from evonas.sources.source import say_on_stderr
from evonas.sources.warmstart import read_results
from evonas.spec import SearchSpec
from evonas.wording import counted


class Launch:
    """An open search of this machine, which no other process runs meanwhile; use it as a context manager."""

    def __init__(
        self, body: Mapping[str, Any], runs: Path, say: Callable[[str], object], *, trains: bool = True
    ) -> None:
        """``runs`` is the folder of all runs, ``say`` is told what people should know before the first trial; without
        ``trains``, somebody else runs its trials.

        EvonasError if the manifest is invalid, or the folder cannot be used.
        """
        self.spec = SearchSpec.parse(body)
        check_agent(self.spec.agent.type, self.spec.agent.settings, len(self.spec.objectives))
        check_template(self.spec.trial)
        if trains:
            check_runs_here(self.spec)
        for doubtful in find_placeholders(self.spec):
            say_on_stderr(str(doubtful))
        if self.spec.suspend:
            raise EvonasError("spec.suspend is true: nothing to run; set it to false")
        self._runs = runs
        self._say = say
        self.folder = (runs / self.spec.name).absolute()
        self.journal: Journal = open_journal(self.folder, body)
        for missing in find_damage(self.folder, self.journal.trials, self.journal.torn):
            say_on_stderr(missing)
        if known := _known(self.journal.trials.values()):
            say(f"resuming {self.folder / JOURNAL_FILE}: {known}")

    def __enter__(self) -> Launch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let other processes run it."""
        self.journal.close()

    def gather(self, warm_start: Sequence[Path] = (), knowledge: Sequence[Path] = ()) -> Sequence[Result]:
        """Record what the agent learns from earlier searches, and return the results that the search starts with. The
        paths override what the manifest names.
        """
        if (learned := record_knowledge(self.spec, self.journal, self._runs, knowledge)) is not None:
            self._say(learned)
        if not import_is_open(Totals(self.spec.objectives, self.journal.trials.values())):
            return ()
        found = read_results(self.spec, self._runs, warm_start)
        if found is None:
            return ()
        self._say(found.note)
        return found.results

    def run(
        self,
        observer: Observer,
        results: Sequence[Result],
        *,
        max_log: int = MAX_LOG,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> Plan:
        """Run until the search is over, as ``LocalRun.run``."""
        run = LocalRun(self.spec, self.journal, self.folder, observer, results, max_log=max_log, variables=variables)
        return run.run()


def _known(trials: Iterable[Trial]) -> str:
    """Say of which trials nothing runs any more: ``1 trial is finished, 3 are paused``; empty if there are none."""
    states = [trial.state for trial in trials]
    finished, paused = sum(state.is_final for state in states), states.count(TrialState.PAUSED)
    said = {"finished": finished, "paused": paused}
    verbs = {state: "is" if count == 1 else "are" for state, count in said.items()}
    words = [f"{counted(count, 'trial')} {verbs[state]} {state}" for state, count in said.items() if count]
    return ", ".join(words)
