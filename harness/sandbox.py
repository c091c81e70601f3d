"""The node's own namespaces: network, mounts and processes, so that a whole node vanishes with one process.

A kubelet and a container runtime change a machine in many places: bridges, hundreds of firewall rules, mounts,
processes that detach themselves, folders below ``/var`` and ``/run``, kernel settings. In namespaces of their own all
of that is private to the instance, two instances cannot meet, and there is nothing to undo: when the process that
holds the namespaces ends, the kernel takes the rest.

What is shared stays small: one virtual network link (with routes to the pods and services, so that tests reach them),
and a control group.
"""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path

from harness import cache, cgroups, processes
from harness.commands import run
from harness.errors import CommandFailed, Unavailable
from harness.state import Component, Instance
from harness.waiting import wait_for

# What a kubelet insists on. Files with these values are laid over the kernel's own settings: it finds what it wants and
# leaves the machine's alone.
_KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}

# Folders that the node's programs use whatever their configuration says.
_PRIVATE_FOLDERS = {"/var/log": "log", "/var/lib/kubelet": "kubelet", "/var/lib/cni": "cni"}


def create(instance: Instance, holder: Path) -> None:
    """Make the namespaces, furnish them, and connect them to this machine."""
    _refuse_hidden_cache()
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", holder]
    outer = processes.spawn(unshare, processes.log_of(instance, "sandbox"))
    instance.components["sandbox"] = Component("sandbox", [str(word) for word in unshare], outer)
    instance.save()
    instance.sandbox = processes.only_child(outer)
    instance.save()
    # The child becomes the holder when its namespaces are complete; whoever enters earlier sees this machine's /proc.
    wait_for("the sandbox to be complete", lambda: processes.program(instance.sandbox) == str(holder))
    _furnish(instance)
    _connect(instance)
    cgroups.create(instance.cgroup)


def remove(instance: Instance) -> None:
    """Take away what does not vanish by itself; the sandbox's processes have ended before."""
    # The link usually went with its other end; the kernel takes its time over that, and the next instance may want it.
    with suppress(CommandFailed):
        run(["ip", "link", "delete", _link(instance)])
    cgroups.remove(instance.cgroup)


def _furnish(instance: Instance) -> None:
    commands = [
        "mount -t tmpfs tmpfs /run",
        "mkdir -p /run/kernel /run/var-lib/upper /run/var-lib/work",
        # An overlay, so that the folders below need not exist on this machine.
        "mount -t overlay overlay -o lowerdir=/var/lib,upperdir=/run/var-lib/upper,workdir=/run/var-lib/work /var/lib",
    ]
    for place, name in _PRIVATE_FOLDERS.items():
        folder = instance.path("node", name)
        folder.mkdir()
        commands += [f"mkdir -p {place}", f"mount --bind {shlex.quote(str(folder))} {place}"]
    for setting, value in _KERNEL_SETTINGS.items():
        file = f"/run/kernel/{setting.replace('/', '-')}"
        commands += [f"echo {value} > {file}", f"mount --bind {file} /proc/sys/{setting}"]
    _inside(instance, *commands)


def _connect(instance: Instance) -> None:
    link, pid = _link(instance), instance.sandbox.pid if instance.sandbox else 0
    run(["ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", pid])
    bridge_setting = "/proc/sys/net/bridge/bridge-nf-call-iptables"
    _inside(
        instance,
        "ip link set lo up",
        f"ip address add {instance.host}/30 dev eth0",
        "ip link set eth0 up",
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        # Answers between two pods on one bridge must pass the rules that rewrote the question.
        f"test ! -e {bridge_setting} || echo 1 > {bridge_setting}",
    )
    run(["ip", "address", "add", f"{instance.link_address}/30", "dev", link])
    run(["ip", "link", "set", link, "up"])
    for network in (instance.pod_cidr, instance.service_cidr):
        run(["ip", "route", "add", network, "via", instance.host])


def _inside(instance: Instance, *commands: str) -> str:
    return run([*processes.entering(instance), "sh", "-c", " && ".join(commands)])


def _link(instance: Instance) -> str:
    return f"evonas{instance.number}"


def _refuse_hidden_cache() -> None:
    for hidden in ("/run", "/var/lib", "/var/log"):
        if cache.root().is_relative_to(hidden):
            raise Unavailable(
                f"the cache lies below {hidden}, which a node's sandbox hides; set EVONAS_CACHE elsewhere"
            )
