"""Warm programs are those that start from nothing: what they print, how they end, and that they can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.waiting import PATIENCE
from tests import warm

PROGRAM = """
import atexit, os, sys, time
atexit.register(print, "left", *sys.argv[1:])
print(os.getcwd(), os.environ["WHO"], sorted(set(os.environ) - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"}), __name__)
print("error", sys.stdin.read(), file=sys.stderr)
match sys.argv[1]:
    case "word":
        sys.exit("no such word")
    case "wrong":
        raise ValueError("wrong")
    case "wait":
        time.sleep(1000)
    case number:
        sys.exit(int(number) if number else None)
"""


@pytest.mark.parametrize("argument", ["", "0", "3", "word", "wrong"])
def test_a_warm_program_does_what_one_from_nothing_does(argument: str, tmp_path: Path) -> None:
    (tmp_path / "said.py").write_text(PROGRAM)
    environment = {"PATH": os.environ["PATH"], "WHO": "me"}
    real = subprocess.run(
        [sys.executable, "-m", "said", argument, "é"],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    found = warm.run("said", [argument, "é"], environment=environment, folder=tmp_path)
    assert (found.returncode, found.stdout) == (real.returncode, real.stdout)
    # A traceback begins in another frame.
    ends = -1 if argument == "wrong" else 0
    assert found.stderr.splitlines()[ends:] == real.stderr.splitlines()[ends:]


def test_a_warm_program_that_is_killed_says_by_what(tmp_path: Path) -> None:
    (tmp_path / "said.py").write_text(PROGRAM)
    for number in (signal.SIGKILL, signal.SIGTERM):
        with (tmp_path / "output").open("wb") as output:
            environment = {"WHO": "me", "PYTHONUNBUFFERED": "1"}
            process = warm.start("said", ["wait"], environment=environment, folder=tmp_path, output=output)
        assert process.poll() is None
        os.kill(process.pid, number)
        assert process.wait(PATIENCE) == process.poll() == -number
