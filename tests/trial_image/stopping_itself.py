"""A trial that stops itself whenever it has reported its progress, until it is told to go on (SIGCONT).

``python -m tests.trial_image.stopping_itself MODULE …``: a short training would be over before a busy test acts.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from collections.abc import Mapping

from evonas_trial.report import Reporter

_report = Reporter.progress


def _report_and_stop(reporter: Reporter, step: int, of: int, metrics: Mapping[str, float]) -> None:
    _report(reporter, step, of, metrics)
    os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    Reporter.progress = _report_and_stop  # type: ignore[method-assign, assignment]
    module = sys.argv.pop(1)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
