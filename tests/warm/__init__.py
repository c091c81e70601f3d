"""Programs of Python that need not import PyTorch each time they start: real processes, forked where it is imported.

Importing is most of what a small trial takes. `warm.run` stands for ``subprocess.run([python, "-m", …])`` where a test
is about what a program does; tests of how programs start start them from nothing, and so do all with
`EVONAS_EXHAUSTIVE=1`.
"""

from __future__ import annotations

from tests.warm.client import CLUSTER, LOCAL, TRIALS, Started, run, start

__all__ = ["CLUSTER", "LOCAL", "TRIALS", "Started", "run", "start"]
