"""containerd: its configuration, its start, and the trick that makes gigabytes of images cost a second.

A *seed* is a containerd root into which the base images were imported and unpacked once. An instance gets a copy of
it made of hard links: blobs and unpacked layers are never written again, so any number of instances share their
bytes. Only the databases are copied.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness import cache, processes
from harness.commands import run
from harness.errors import ClusterError
from harness.oci import Layout
from harness.requirements import CNI_PLUGINS
from harness.waiting import wait_for

NAMESPACE = "k8s.io"

# In a node's sandbox: its own, for /run is a file system of its own there.
STATE = "/run/containerd"

_CONFIG = """\
version = 2
root = "{root}"
state = "{state}"

[grpc]
address = "{state}/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
# Where lowering the score is not permitted, runc would end with "can't get final child's PID from pipe: EOF".
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{cni}"
"""


def write_config(target: Path, *, root: Path, state: str, pause: str, cni: Path) -> None:
    target.write_text(_CONFIG.format(root=root, state=state, pause=pause, cni=cni, plugins=CNI_PLUGINS))


def client(state: str) -> list[str]:
    """The words that begin a command to the containerd with this state folder."""
    return ["ctr", "--address", f"{state}/containerd.sock", "--namespace", NAMESPACE]


def answers(ctr: list[str]) -> bool:
    return bool(run([*ctr, "version"]))


def load(layout: Layout, names: Mapping[str, str], ctr: list[str]) -> None:
    """Import images, sending only the blobs that containerd does not have yet."""
    present = run([*ctr, "content", "ls", "--quiet"]).split()
    process = subprocess.Popen(
        [*ctr, "images", "import", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stdin
    assert process.stderr
    try:
        layout.write_archive(process.stdin, names, present)
        process.stdin.close()
    except BrokenPipeError:
        pass  # It refused; why is on its standard error.
    said = process.stderr.read().decode(errors="replace")
    if process.wait():
        raise ClusterError(f"containerd refused the images {', '.join(names)}: {said.strip()}")


def make_seed(root: Path, layout: Layout, names: Mapping[str, str]) -> None:
    """Make a containerd root that holds these images, unpacked."""
    with cache.publishing(root) as unfinished:
        unfinished.mkdir()
        with _running(unfinished) as ctr:
            load(layout, names, ctr)
        _share_blobs(unfinished, layout)


def plant(seed: Path, root: Path) -> None:
    """Make an instance's containerd root from the seed."""
    run(["cp", "--archive", "--link", seed, root])
    for database in root.rglob("*.db"):
        copy = database.with_suffix(".copy")
        shutil.copy2(database, copy)
        copy.rename(database)


@contextmanager
def _running(root: Path) -> Iterator[list[str]]:
    """A containerd that serves nothing but this block; in a mount namespace, so that no mount of its outlives it."""
    with tempfile.TemporaryDirectory(prefix="containerd-") as state:
        config = Path(state) / "config.toml"
        write_config(config, root=root, state=state, pause="none", cni=Path(state))
        argv = ["unshare", "--mount", "containerd", "--log-level", "error", "--config", config]
        process = processes.spawn(argv, Path(state) / "log")
        ctr = client(state)
        try:
            wait_for("containerd to answer", lambda: answers(ctr))
            yield ctr
        finally:
            processes.end([process])


def _share_blobs(root: Path, layout: Layout) -> None:
    """Keep one copy of each blob on the disk: the layout's and containerd's are the same bytes."""
    for blob in (root / "io.containerd.content.v1.content" / "blobs" / "sha256").iterdir():
        mine = layout.blob(f"sha256:{blob.name}")
        if mine.exists():
            link = blob.with_name(f".{blob.name}")
            link.hardlink_to(mine)
            link.rename(blob)
