"""Running the trial programs as the operator and the local run do: child processes under the contract's variables."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from evonas_trial.data import catalogue
from evonas_trial.data.places import DataMissing
from evonas_trial.data.reading import Located, locate
from tests import warm
from tests.warm import Started


@dataclass(frozen=True)
class Ended:
    """A finished trial."""

    exit_code: int
    errors: str
    report: dict[str, Any] | None
    progress: dict[str, Any] | None


class RunTrial(Protocol):
    """Runs a module as a program, or a command from nothing, as a trial with these decisions."""

    def __call__(
        self,
        command: str | Sequence[str],
        decisions: Mapping[str, Any] | None,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        imported: tuple[str, ...] = warm.TRIALS,
    ) -> Ended: ...


@pytest.fixture(scope="session")
def fashion_mnist() -> Located:
    """The real data set, as Debian's package dataset-fashion-mnist installs it."""
    try:
        return locate(catalogue.FASHION_MNIST, None)
    except DataMissing as missing:
        if os.environ.get("EVONAS_REQUIRE_ALL"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture
def clean_environment() -> dict[str, str]:
    """This process's environment without any variable of the contract, "python" being this interpreter."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EVONAS_", "POD_"))}
    return kept | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])}


@pytest.fixture
def run_trial(tmp_path: Path, clean_environment: dict[str, str]) -> RunTrial:
    def run(
        command: str | Sequence[str],
        decisions: Mapping[str, Any] | None,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        imported: tuple[str, ...] = warm.TRIALS,
    ) -> Ended:
        report, progress = tmp_path / "report.json", tmp_path / "progress.json"
        variables = {"EVONAS_SEED": "0", "EVONAS_REPORT_FILE": str(report), "EVONAS_PROGRESS_FILE": str(progress)}
        if decisions is not None:
            variables["EVONAS_DECISIONS"] = json.dumps(decisions)
            variables |= {f"EVONAS_D_{name.upper()}": json.dumps(value) for name, value in decisions.items()}
        variables = clean_environment | variables | dict(environment or {})
        if isinstance(command, str):
            ended = warm.run(command, arguments, environment=variables, imported=imported)
        else:
            ended = subprocess.run(
                [*command, *arguments], env=variables, capture_output=True, text=True, timeout=300, check=False
            )
        return Ended(ended.returncode, ended.stderr, _read(report), _read(progress))

    return run


class StartTrial(Protocol):
    """Starts ``python -m MODULE`` as a trial with these decisions; returns when it has reported an epoch and stopped.

    It is to report to the file ``report`` in the test's folder.
    """

    def __call__(
        self,
        module: str,
        decisions: Mapping[str, Any],
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        imported: tuple[str, ...] = warm.TRIALS,
    ) -> Started: ...


@pytest.fixture
def start_trial(tmp_path: Path, clean_environment: dict[str, str]) -> StartTrial:
    def start(
        module: str,
        decisions: Mapping[str, Any],
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        imported: tuple[str, ...] = warm.TRIALS,
    ) -> Started:
        progress = tmp_path / "progress"
        progress.unlink(missing_ok=True)
        contract = {
            "EVONAS_DECISIONS": json.dumps(decisions),
            "EVONAS_SEED": "0",
            "EVONAS_REPORT_FILE": str(tmp_path / "report"),
            "EVONAS_PROGRESS_FILE": str(progress),
        }
        words, variables = [module, *arguments], clean_environment | contract | dict(environment or {})
        program = "tests.trial_image.stopping_itself"
        process = warm.start(program, words, environment=variables, imported=imported)
        while not _is_stopped(process.pid):
            assert process.poll() is None
            time.sleep(0.02)
        assert progress.exists()
        return process

    return start


def tell(process: Started, number: signal.Signals) -> None:
    """Send a signal to a trial that has stopped, and let it go on."""
    os.kill(process.pid, number)
    if number != signal.SIGKILL:
        os.kill(process.pid, signal.SIGCONT)


def _is_stopped(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    assert isinstance(content, dict)
    return content
