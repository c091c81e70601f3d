"""How a trial's process ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

LEAVES = """
import atexit, sys
from evonas_trial import termination
atexit.register(print, "the interpreter's end")
print("said", end="")
print("complained", end="", file=sys.stderr)
termination.leave_with({code})
"""


@pytest.mark.parametrize("code", [0, 65])
def test_what_was_said_arrives_and_the_interpreter_does_not_end_by_itself(code: int) -> None:
    """Threads that outlive a process group would abort it then."""
    command = [sys.executable, "-c", LEAVES.format(code=code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "said", "complained")
