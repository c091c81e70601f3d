"""Start, watch and end processes by number and start time, never by name: nobody else's process is touched."""

from __future__ import annotations

import os
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from harness.errors import ClusterError, Unavailable
from harness.state import Component, Instance, ProcessId
from harness.waiting import wait_for


def identify(pid: int) -> ProcessId:
    return ProcessId(pid, psutil.Process(pid).create_time())


def current() -> ProcessId:
    return identify(os.getpid())


def find(process: ProcessId) -> psutil.Process | None:
    """The live process of that identity, or None; a zombie counts as gone."""
    try:
        found = psutil.Process(process.pid)
        same = abs(found.create_time() - process.started) < 1.0
        return found if same and found.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def spawn(argv: Sequence[object], log: Path) -> ProcessId:
    """Start a program in a session of its own, so that a Ctrl-C meant for pytest does not reach it."""
    words = [str(word) for word in argv]
    program = shutil.which(words[0])
    if program is None:
        raise Unavailable(f"{words[0]} is not installed")
    log.parent.mkdir(parents=True, exist_ok=True)
    # Appending, so that the watchdog can cut a log that has grown too long under the writer's feet.
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return identify(os.posix_spawn(program, words, os.environ, file_actions=actions, setsid=True))


def start(instance: Instance, name: str, argv: Sequence[object], *, health: str = "") -> Component:
    """Start one component of the instance and record it at once, so that ``down`` finds it whatever happens next."""
    process = spawn([*entering(instance), *argv], log_of(instance, name))
    if instance.sandbox:
        process = only_child(process)
    component = Component(name, [str(word) for word in argv], process, health)
    instance.components[name] = component
    instance.save()
    return component


def wait_healthy(instance: Instance, name: str) -> None:
    """Wait until the component answers; one that died meanwhile is an error at once, with the end of its log."""
    component = instance.components[name]

    def condition() -> str:
        if not find(component.process):
            return "ended"
        return "healthy" if answers(component.health) else ""

    if wait_for(f"{name} to be healthy", condition) == "ended":
        raise ClusterError(f"{name} ended while starting:\n{tail(log_of(instance, name))}")


def answers(url: str) -> bool:
    """Whether the URL answers 200; certificates are not checked, the question is only whether someone is there."""
    context = ssl._create_unverified_context() if url.startswith("https") else None
    try:
        with urllib.request.urlopen(url, timeout=2, context=context) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def end(processes: Iterable[ProcessId]) -> None:
    """Kill these processes and wait until they are gone; their data dies with them, so nothing is saved first."""
    ending = list(processes)
    for process in filter(None, map(find, ending)):
        # It may have ended with one that was killed before it.
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_for(f"{len(ending)} killed processes to be gone", lambda: not any(map(_remains, ending)), interval=0.01)


def _remains(process: ProcessId) -> bool:
    # Whoever started it must reap it. Where that is this process, do; elsewhere a zombie is as good as gone.
    try:
        return os.waitpid(process.pid, os.WNOHANG)[0] == 0
    except ChildProcessError:
        return find(process) is not None


def log_of(instance: Instance, name: str) -> Path:
    return instance.folder / "logs" / f"{name}.log"


def tail(file: Path, lines: int = 15) -> str:
    return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])


def entering(instance: Instance) -> list[str]:
    """The words before a command that put it into the node's namespaces; none where the instance has no such."""
    if not instance.sandbox:
        return []
    return ["nsenter", "--target", str(instance.sandbox.pid), "--net", "--mount", "--pid", "--"]


def only_child(parent: ProcessId) -> ProcessId:
    """The program behind unshare or nsenter: a PID namespace is entered by forking, and what counts is the child."""

    def child() -> psutil.Process | None:
        found = find(parent)
        if found is None:
            raise ClusterError("the parent ended before its child started")
        return next(iter(found.children()), None)

    entered = wait_for("the program to enter its namespaces", child, interval=0.01)
    assert entered is not None
    return identify(entered.pid)


def program(process: ProcessId | None) -> str:
    """The path with which the process was started."""
    found = find(process) if process else None
    return next(iter(found.cmdline()), "") if found else ""
