"""The live view of a running search in a notebook: one output cell, replaced while the search goes on.

A plain display handle, since every front end has it: JupyterLab, VS Code, Colab, nbclient.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from evonas.launch import Launch
from evonas.python.html import search_html
from evonas.recorded.search import Phase, RecordedSearch
from evonas.search.plan import Plan
from evonas.search.trial import Trial
from evonas.sources.following import SHARE

INTERVAL = 1.0


def is_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    shells = sys.modules.get("IPython")
    shell = None if shells is None else shells.get_ipython()
    return hasattr(shell, "kernel")


class NotebookView:
    """An observer of a local run that shows it in the cell which is being executed."""

    def __init__(self, launch: Launch) -> None:
        from IPython import display  # noqa: PLC0415 - there is one, see is_notebook

        self._html: Any = display.HTML
        show: Any = display.display
        self._launch = launch
        self._due = 0.0
        self._cell: Any = show(self._draw(Phase.RUNNING), display_id=True)

    def on_record(self, trial: Trial) -> None:
        """Draw with the next plan."""

    def on_plan(self, decided: Plan) -> None:
        """Draw, unless that was just done."""
        began = time.monotonic()
        if began < self._due and not decided.is_over:
            return
        phase = Phase.RUNNING
        if decided.is_over and decided.limit is not None:
            phase = Phase.FAILED if decided.limit.failed else Phase.COMPLETE
        self._cell.update(self._draw(phase))
        ended = time.monotonic()
        self._due = ended + max(INTERVAL, SHARE * (ended - began))

    def _draw(self, phase: Phase) -> Any:
        journal = self._launch.journal
        trials = tuple(journal.trials[index] for index in sorted(journal.trials))
        folder = Path(self._launch.folder)
        record = RecordedSearch(str(folder), journal.search, trials, phase, knowledge=journal.knowledge)
        return self._html(search_html(record))
