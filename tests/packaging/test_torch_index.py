"""`TORCH_INDEX`: the build of PyTorch that another index offers is taken with the versions that are pinned here."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from harness.fixtures import skipping
from tests.packaging.environments import CONSTRAINTS, ROOT, UV, clean_environment, uv


class Silent(SimpleHTTPRequestHandler):
    """Logs nothing."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """The address of an index that has a build of the pinned PyTorch for CPUs, an old NumPy, and nothing else."""
    torch = pinned("torch")
    folder = tmp_path / "index"
    for name, version in (("torch", f"{torch}+cpu"), ("numpy", "1.26.4")):
        place = folder / name
        place.mkdir(parents=True)
        wheel = place / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            archive.writestr(f"{name}-{version}.dist-info/METADATA", metadata)
        (place / "index.html").write_text(f'<a href="{wheel.name.replace("+", "%2B")}">{wheel.name}</a>')
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def make(*arguments: str) -> str:
    """Return what `make` would do."""
    if shutil.which("make") is None:
        raise AssertionError("make is missing; on Debian: apt-get install make")
    command = ["make", "--dry-run", "--no-print-directory", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), check=True, capture_output=True, text=True)
    return done.stdout


def pinned(name: str) -> str:
    """Return the version that constraints.txt has of a package, for this Python."""
    found = re.search(rf"^{name}==([\w.]+)", CONSTRAINTS.read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An empty environment where `make` expects one."""
    folder = tmp_path / "env"
    with skipping():
        uv("venv", "--quiet", "--python", sys.executable, folder)
    (folder / "bin" / "uv").symlink_to(UV)
    return folder


def test_the_build_of_another_index_is_what_make_run_takes(index: str, environment: Path) -> None:
    steps = make("run", f"VENV={environment}", f"TORCH_INDEX={index}")
    (install,) = (line for line in steps.splitlines() if "uv pip install" in line)
    assert "[agents,plots,trial]" in install
    with skipping():
        command = install.replace("--quiet", "--dry-run").replace("'", "").split()
        said = uv(*command[1:])
    taken = {line.strip() for line in said.splitlines()}
    assert f"+ torch=={pinned('torch')}+cpu" in taken
    # Of what both have, the pinned version is taken wherever it is.
    assert f"+ numpy=={pinned('numpy')}" in taken
    assert not [line for line in taken if line.startswith("+ nvidia")]


def test_make_run_says_how_much_comes_before_it_does(environment: Path) -> None:
    def said(*arguments: str) -> str:
        line = next(line for line in make("run", f"VENV={environment}", *arguments).splitlines() if " GB " in line)
        shell = subprocess.run(
            ["sh", "-ec", line.replace("$(uname -s)", "Linux")], check=True, capture_output=True, text=True
        )
        return shell.stdout

    assert re.search(r"GB on disk.*make run TORCH_INDEX=", said())
    assert said("TORCH_INDEX=http://127.0.0.1") == ""
    (environment / "lib" / f"python3.{sys.version_info.minor}" / "site-packages" / "torch").mkdir()
    assert said() == ""
