"""Up and down: put an instance together, and take away exactly what was put."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness import (
    addresses,
    binaries,
    cache,
    control_plane,
    credentials,
    jobset,
    kuberay,
    kueue,
    kwok,
    node,
    processes,
    requirements,
    state,
    trainer,
)
from harness.client import Cluster
from harness.errors import ClusterError
from harness.state import DEFAULTS, Instance, Options, ProcessId

Progress = Callable[[str], None]

_PROGRAMS = {
    "jobset": binaries.JOBSET,
    "kstatus": binaries.KSTATUS,
    "helm": (*binaries.HELM, *binaries.HELM_DOCS),
    "control-plane": binaries.CONTROL_PLANE,
    "kuberay": binaries.KUBERAY,
    "kwok": (*binaries.CONTROL_PLANE, *binaries.HELM, *binaries.KWOK),
    "kueue": (*binaries.CONTROL_PLANE, *binaries.HELM, *binaries.KWOK, *binaries.KUEUE),
    "node": (*binaries.CONTROL_PLANE, *binaries.HELM, *binaries.NODE),
    "prometheus": binaries.PROMETHEUS,
    "trainer": (*binaries.JOBSET, *binaries.TRAINER),
    "trainer22": (*binaries.JOBSET, *binaries.TRAINER22),
}
_ENGINES = {
    "jobset": jobset.start,
    "trainer": trainer.start,
    "trainer22": trainer.start22,
    "kuberay": kuberay.start,
}
_PORTS = [
    *control_plane.PORTS,
    *kwok.PORTS,
    *kueue.PORTS,
    *jobset.PORTS,
    *trainer.PORTS,
    *kuberay.PORTS,
    *node.PORTS,
]
_REPOSITORY = Path(__file__).parents[1]


def prepare(tier: str, progress: Progress = print) -> dict[str, Path]:
    """Build what the tier or engine needs and has not got yet; minutes the first time, nothing later."""
    requirements.check(tier)
    programs = binaries.ensure(_PROGRAMS[tier], progress)
    if tier == "node":
        node.prepare(progress)
    return programs


def up(
    name: str,
    tier: str,
    options: Options = DEFAULTS,
    *,
    owner: ProcessId | None = None,
    progress: Progress = print,
) -> Cluster:
    """Start an instance and return when it is ready; what a failed start leaves is taken away, except its logs."""
    options = replace(options, engines=state.in_order(options.engines))
    programs = prepare(tier, progress)
    for engine in options.engines:
        programs |= prepare(engine, progress)
    reap(progress)
    instance = _create(name, tier, options, owner)
    began = time.monotonic()
    try:
        _start(instance, programs, progress)
    except BaseException:
        _stop(instance)
        _keep_only_logs(instance)
        progress(f"the start failed; the logs are in {instance.folder / 'logs'}")
        raise
    progress(f"{name} is ready after {time.monotonic() - began:.1f} s")
    return Cluster(instance)


def down(name: str) -> None:
    """End the instance's processes, undo what it did to the machine and delete its folder."""
    with cache.locked(f"instance-{name}"):
        folder = state.folder_of(name)
        # A start that failed left its logs and nothing else.
        if (folder / "instance.json").exists():
            _stop(state.load(name))
        if folder.exists():
            shutil.rmtree(folder)


def reap(progress: Progress = print) -> None:
    """Take down the instances whose owner died without doing so."""
    for instance in list(state.every()):
        if instance.owner and not processes.find(instance.owner):
            progress(f"taking down {instance.name}, whose owner is gone")
            down(instance.name)


def _create(name: str, tier: str, options: Options, owner: ProcessId | None) -> Instance:
    """Record the instance; from here on its numbers are taken."""
    folder = state.folder_of(name)
    with cache.locked("instances"):
        if (folder / "instance.json").exists():
            raise ClusterError(f"{name} is there already; `python -m harness down --name {name}` ends it")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        ports = addresses.free_ports(_PORTS)
        instance = Instance(name, tier, options, addresses.free_number(), ports, owner)
        instance.save()
    return instance


def _start(instance: Instance, programs: dict[str, Path], progress: Progress) -> None:
    for program, path in programs.items():
        instance.path("bin", program).symlink_to(path)
    credentials.create(instance)
    if instance.tier == "node":
        node.open_sandbox(instance, programs)
    _start_watchdog(instance)
    progress("starting the control plane")
    control_plane.start(instance, programs)
    if instance.has_fake_node:
        progress("starting kwok")
        kwok.start(instance, programs)
    for engine in instance.options.engines:
        progress(f"starting {engine}")
        _ENGINES[engine](instance, programs)
    if instance.tier == "kueue":
        progress("starting Kueue")
        kueue.start(instance, programs)
    if instance.tier == "node":
        progress("starting the node")
        node.start(instance, programs)


def _start_watchdog(instance: Instance) -> None:
    """Outside the sandbox, which it must survive to clean up after."""
    log = processes.log_of(instance, "watchdog")
    argv = [sys.executable, "-m", "harness.watchdog", instance.name]
    process = processes.spawn(["env", "--chdir", _REPOSITORY, *argv], log)
    instance.components["watchdog"] = state.Component("watchdog", argv, process)
    instance.save()


def _stop(instance: Instance) -> None:
    mine = processes.current()
    components = [item.process for item in instance.components.values() if item.process.pid != mine.pid]
    holder = [instance.sandbox] if instance.sandbox else []
    processes.end([*components, *holder])
    if instance.sandbox:
        node.close_sandbox(instance)


def _keep_only_logs(instance: Instance) -> None:
    for path in instance.folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            if path.name != "logs":
                shutil.rmtree(path)
        else:
            path.unlink()
