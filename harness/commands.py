"""Run a program to its end and give back what it printed; errors carry what it said."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import CommandFailed, Unavailable


def run(
    argv: Sequence[object],
    *,
    text_in: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> str:
    """Run, wait, return standard output; paths and numbers may stand among the words."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            input=text_in,
            cwd=cwd,
            env=env,
            timeout=timeout,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise Unavailable(f"{words[0]} is not installed") from error
    if done.returncode:
        raise CommandFailed(shlex.join(words)[:300], done.returncode, done.stderr or done.stdout)
    return done.stdout
