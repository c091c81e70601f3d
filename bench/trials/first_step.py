"""``python -m bench.trials.first_step ARGUMENTS``: the trial programs, which also note when the first step was done."""

from __future__ import annotations

import os
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from evonas_trial.training.replay import Replayed

STARTED, NOTED = "BENCH_STARTED", "BENCH_NOTED"
"""The variables with the time at which the process was started, and with the file for the seconds since then."""


def main() -> None:
    """Run what the arguments name."""
    noted, started = Path(os.environ[NOTED]), float(os.environ[STARTED])
    call: Callable[..., None] = Replayed.__call__

    def timed(self: Replayed, *inputs: Tensor) -> None:
        call(self, *inputs)
        if not noted.exists():
            # So that the step is over, wherever it was computed.
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            noted.write_text(str(time.time() - started))

    setattr(Replayed, "__call__", timed)  # noqa: B010
    sys.argv = ["evonas_trial", *sys.argv[1:]]
    runpy.run_module("evonas_trial", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
