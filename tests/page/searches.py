"""Searches for the page to show: real local runs whose trials end when a test says so, and records as they are left."""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from evonas.local.journal import JOURNAL_FILE, open_journal, read_journal
from evonas.local.processes.attempts import attempt_folder
from evonas.local.processes.logfile import LOG_FILE
from evonas.search.codec import to_object
from evonas.search.trial import ProposalRecord, Trial, TrialState
from evonas.space import SearchSpace
from evonas.spec import SearchSpec
from harness.waiting import PATIENCE, wait_for
from tests import warm
from tests.unit.local.runs import evonas, write_manifest
from tests.unit.search.climbing import write_climb
from tests.unit.search.fronts import THREE, write_front
from tests.unit.search.simulation import write_run

PARALLEL = 2

HELD = """
step=0
echo "training candidate $EVONAS_INDEX"
until [ -e "{gate}/$EVONAS_INDEX" ] || [ -e "{gate}/all" ]; do
  step=$((step + 1))
  printf '{{"step": %s, "accuracy": 0.%s}}' $step $((100 + step % 800)) > "$EVONAS_PROGRESS_FILE.new"
  mv "$EVONAS_PROGRESS_FILE.new" "$EVONAS_PROGRESS_FILE"
  sleep 0.1
done
echo "candidate $EVONAS_INDEX has ended"
printf '{{"metrics": {{"accuracy": 0.%s, "seconds": %s}}}}' "$EVONAS_D_A1$EVONAS_D_A2$EVONAS_D_A3" "$EVONAS_D_A4" \
  > "$EVONAS_REPORT_FILE"
"""
"""A trial that reports progress until it is let go."""

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe",
    "\N{ARABIC LETTER ALEF}\N{RIGHT-TO-LEFT ISOLATE}\N{LEFT-TO-RIGHT OVERRIDE}",
    "\N{GRINNING FACE}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}",
    "javascript:alert(3)",
    "{{constructor.constructor('alert(4)')()}}",
    "__proto__",
    "\"'`&amp;\x1b[31m",
    "long " * 2048,
)
"""What somebody else may have written, from 2 characters to 10 kB: only ever text."""


class Run:
    """A local run under way, each of whose trials ends when it is let go."""

    def __init__(self, folder: Path, name: str, trials: int = 12, **spec: Any) -> None:
        self.gate = folder / f"{name}-gate"
        self.gate.mkdir()
        fields: dict[str, Any] = {
            "objective": {"metric": "accuracy"},
            "budget": {"maxTrials": trials, "parallelTrials": PARALLEL},
            **spec,
        }
        command = ["sh", "-c", HELD.format(gate=self.gate)]
        self._manifest = write_manifest(folder, name, command, **fields)
        self._log = folder / f"{name}.log"
        self._folder = folder
        self.folder = folder / "runs" / name
        self._process: warm.Started | None = None

    def start(self) -> None:
        """Start it, and wait until as many trials as may run have begun."""
        with self._log.open("ab") as log:
            arguments = ["run", str(self._manifest)]
            self._process = warm.start(
                "evonas",
                arguments,
                environment=os.environ,
                folder=self._folder,
                output=log,
                errors=log,
                imported=warm.LOCAL,
            )
        wait_for("the first trials", lambda: len(self._begun()) >= PARALLEL)

    def _begun(self) -> list[Path]:
        return [*self.folder.glob("trials/*/attempt-1/log.txt")]

    def let_go(self, index: int) -> None:
        """Let a trial end."""
        (self.gate / str(index)).touch()

    def let_all_go(self) -> None:
        """Let all trials end, and wait for the end of the run."""
        (self.gate / "all").touch()
        assert self._process is not None
        assert self._process.wait(PATIENCE) == 0, self._log.read_text()

    def stop(self) -> None:
        """End it as Ctrl-C does, unless it has ended."""
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGINT)
            self._process.wait(PATIENCE)


@contextmanager
def running(folder: Path, name: str, trials: int = 12, **spec: Any) -> Iterator[Run]:
    """A run under way for as long as the block lasts."""
    run = Run(folder, name, trials, **spec)
    try:
        run.start()
        yield run
    finally:
        run.stop()


def write_each(folder: Path) -> None:
    """Write a folder of runs with one of each kind that is at rest."""
    write_run(folder, "learned", agent="EvoNAS", labels={"team": "vision"})
    write_run(folder, "learned-again", seed=1, agent="EvoNAS", labels={"team": "vision"})
    write_run(folder, "limited", constraints=[{"metric": "latency_ms", "max": 12}])
    write_front(folder, "front", confirm={"top": 2, "repeats": 2})
    write_front(folder, "front-again", count=50, agent={"type": "Random", "seed": 1})
    write_front(folder, "three", objectives=THREE, count=90)
    write_climb(folder, "stopped-early", "Evolution", 24)
    write_climb(
        folder, "paused", "Evolution", 24, fidelity={"rungs": {"min": 1, "max": 9, "factor": 3}, "mode": "Pause"}
    )
    for run in folder.iterdir():
        for trial in read_journal(run / JOURNAL_FILE)[1]:
            write_log(run, trial.index, f"training {dict(trial.decisions)}\n")
    write_failed(folder)


def write_log(run: Path, trial: int, text: str) -> None:
    """Write what a trial's first attempt has printed."""
    log = attempt_folder(run, trial, 1) / LOG_FILE
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(text)


def write_failed(folder: Path) -> None:
    """Run a search that fails, since each of its trials does."""
    script = "echo 'cannot open the data' >&2; exit 3"
    budget = {"maxTrials": 6, "maxFailedTrials": 1, "parallelTrials": 1}
    manifest = write_manifest(folder.parent, "failed", ["sh", "-c", script], budget=budget)
    body = yaml.safe_load(manifest.read_text())
    body["spec"]["trial"]["retries"] = 0
    manifest.write_text(yaml.safe_dump(body))
    evonas(folder.parent, "run", str(manifest), "--runs", str(folder), code=1)


def write_hostile(folder: Path, name: str = "hostile", *, says: str | None = None) -> Path:
    """Write a run whose every word is somebody else's: labels, metrics, values, reasons, messages, logs.

    If it ``says`` that it is called otherwise than its folder, no version of ours has written it.
    """
    run = write_run(folder, name, count=12)
    journal = run / JOURNAL_FILE
    search, *trials = map(json.loads, journal.read_text().splitlines())
    search["metadata"]["name"] = says or name
    search["metadata"]["labels"] = {f"label{place}": text for place, text in enumerate(HOSTILE)}
    search["spec"]["objective"]["metric"] = "<b>accuracy</b>"
    search["spec"]["searchSpace"][2]["values"] = [*HOSTILE]
    for place, trial in enumerate(trials):
        text = HOSTILE[place % len(HOSTILE)]
        trial["spec"]["decisions"]["wide"] = text
        if trial["status"]["state"] in ("Failed", "Infeasible"):
            trial["status"] |= {"reason": text[:200], "message": HOSTILE[(place + 1) % len(HOSTILE)]}
        metrics = trial["status"].get("metrics")
        if metrics:
            trial["status"]["metrics"] = {**metrics, "<b>accuracy</b>": metrics["accuracy"], "__proto__": "1.0"}
    journal.write_text("".join(json.dumps(body) + "\n" for body in (search, *trials)))
    for place in range(len(trials)):
        write_log(run, place, "\n".join([*HOSTILE, "\x00\x1b[2J"]))
    return run


def write_large(
    folder: Path,
    name: str,
    count: int = 10_000,
    *,
    seed: int = 0,
    decisions: int = 8,
    labels: Mapping[str, str] = MappingProxyType({}),
    most: int | None = None,
) -> Path:
    """Write the record of a search of so many trials without running any: a climb with noise, one in 20 failing.

    It is over, unless it may have ``most`` trials, which are more.
    """
    dice = random.Random(seed)
    space: list[dict[str, Any]] = [{"name": f"d{number}", "values": [*range(1, 9)]} for number in range(decisions - 1)]
    space.append({"name": "rate", "range": {"min": 0.0001, "max": 0.1, "scale": "log", "steps": 40}})
    body = {
        "apiVersion": "evonas.dev/v1alpha1",
        "kind": "ArchitectureSearch",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {
            "searchSpace": space,
            "objective": {"metric": "accuracy"},
            "agent": {"type": "Evolution", "seed": seed},
            "budget": {"maxTrials": most or count, "parallelTrials": 8, "maxFailedTrials": count},
            "trial": {"template": {"spec": {"containers": [{"name": "trial", "image": "none", "command": ["true"]}]}}},
        },
    }
    journal = open_journal(folder / name, body)
    identity = journal.identity
    journal.close()
    with journal.path.open("a", encoding="utf-8") as lines:
        for trial in large_trials(count, dice, SearchSpec.parse(body).space):
            lines.write(json.dumps(to_object(identity, trial)) + "\n")
    return folder / name


def large_trials(count: int, dice: random.Random, space: SearchSpace) -> Iterator[Trial]:
    """Yield so many trials that are over, by index."""
    begin, sequence = datetime.now(UTC) - timedelta(seconds=count * 7 + 600), 0
    for index in range(count):
        chosen = {decision.name: dice.choice(decision.values) for decision in space.decisions}
        parent = dice.randrange(index) if index > 20 else None
        proposal = ProposalRecord(
            "mutation" if parent is not None else "random", parent, ("d0",) if parent is not None else (), sequence
        )
        started = begin + timedelta(seconds=index * 7)
        ended = started + timedelta(seconds=dice.randint(20, 300))
        if index % 20 == 19:
            yield Trial(
                index,
                chosen,
                proposal,
                TrialState.FAILED,
                reason="OOMKilled",
                message="the container exited with code 137",
                start_time=started,
                completion_time=ended,
            )
            continue
        sequence += 1
        climb = 1 - 0.6 * 0.9995**index
        depth, width = float(chosen["d0"]), float(chosen["d1"])
        accuracy = climb * (0.7 + 0.03 * depth) - abs(dice.gauss(0, 0.03))
        yield Trial(
            index,
            chosen,
            proposal,
            TrialState.SUCCEEDED,
            reward=accuracy,
            metrics={"accuracy": accuracy, "latency_ms": 2.0 * width + dice.random(), "loss": 1 - accuracy},
            sequence=sequence,
            start_time=started,
            completion_time=ended,
            gpu_seconds=0,
        )
