"""The command line in this process, and a real local run for it to read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evonas.cli import main
from tests.unit.local.test_resume import write_manifest

Evonas = Callable[..., tuple[int, str, str]]
TRIALS = 20


@pytest.fixture
def evonas(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Evonas:
    """Run a command line in this process, in ``tmp_path``; returns exit code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["evonas", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a local run that is complete: 20 trials of Evolution, each of which printed a line."""
    folder = tmp_path_factory.mktemp("finished")
    script = "echo deciding on $EVONAS_D_A1; exec python -m evonas_trial.counting"
    manifest = write_manifest(folder, ["sh", "-c", script], maxTrials=TRIALS)
    command = [sys.executable, "-m", "evonas", "run", str(manifest), "--runs", str(folder / "runs")]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "runs" / "here"
