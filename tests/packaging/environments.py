"""Environments of their own, into which the built package is installed as somebody installs it who has nothing else.

uv takes what it has downloaded before from its cache, as links: even PyTorch is there within seconds.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import Unavailable

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "constraints.txt"
UV = Path(sys.executable).parent / "uv"

_OUT_OF_REACH = ("Failed to fetch", "error sending request")


def clean_environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without what would show the repository to another Python."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "KUBE", "MYPY", "VIRTUAL_ENV"))
    }
    return kept | variables


def uv(*arguments: str | Path, folder: Path = ROOT) -> str:
    """Run uv and return its standard error, where it tells what it did; Unavailable where there is no index."""
    if not UV.exists():
        raise Unavailable("uv is missing: pip install uv")
    done = subprocess.run(
        [UV, *arguments], cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=500, check=False
    )
    if done.returncode and any(said in done.stderr for said in _OUT_OF_REACH):
        raise Unavailable(f"the package index is out of reach: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stderr


@functools.cache
def pythons() -> dict[str, str]:
    """Return the Pythons of this machine that the package is made for, the tests' own among them, by version."""
    here = f"3.{sys.version_info.minor}"
    found = {here: sys.executable}
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for version in ("3.11", "3.12", "3.13"):
        candidates = [shutil.which(f"python{version}"), *sorted(pyenv.glob(f"versions/{version}.*/bin/python"))]
        for candidate in candidates:
            if version not in found and candidate is not None and _starts(candidate):
                found[version] = str(candidate)
    return dict(sorted(found.items()))


def _starts(python: str | Path) -> bool:
    """Return whether it is a Python: pyenv has a command for each of its versions, and most only print an error."""
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Bare:
    """An environment that has the package and what it needs, nothing else: not even pip."""

    folder: Path

    @classmethod
    def create(cls, folder: Path, wheel: Path, *extras: str, python: str = sys.executable) -> Bare:
        """Make the environment; modules are compiled, as pip does."""
        uv("venv", "--quiet", "--python", python, folder)
        bare = cls(folder)
        wanted = f"evonas[{','.join(extras)}] @ {wheel.as_uri()}"
        compiled = () if extras else ("--compile-bytecode",)
        uv("pip", "install", "--quiet", "--python", bare.python, *compiled, "--constraint", CONSTRAINTS, wanted)
        return bare

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(path.lstat().st_blocks * 512 for path in self.folder.rglob("*"))

    def run(self, program: str, *arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs in a folder, as after ``source bin/activate``."""
        return subprocess.run(
            [self.folder / "bin" / program, *arguments],
            cwd=folder,
            env=self._environment(**variables),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def start(self, program: str, *arguments: str, folder: Path) -> subprocess.Popen[str]:
        """Start one of its programs in a folder; what it prints can be read while it runs."""
        return subprocess.Popen(
            [self.folder / "bin" / program, *arguments],
            cwd=folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            text=True,
        )

    def _environment(self, **variables: str) -> dict[str, str]:
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return clean_environment(PATH=path, **variables)

    def evonas(self, *arguments: str, folder: Path) -> str:
        """Run a command that must succeed; return what it printed."""
        done = self.run("evonas", *arguments, folder=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *arguments: str, folder: Path) -> str:
        """Run a command that must end with one line of error; return that."""
        done = self.run("evonas", *arguments, folder=folder)
        lines = done.stderr.splitlines()
        assert (done.returncode, len(lines)) == (2, 1), done.stdout + done.stderr
        return lines[0]


MANIFEST = """
apiVersion: evonas.dev/v1alpha1
kind: ArchitectureSearch
metadata: {{name: {name}}}
spec:
  searchSpace:
    - {{name: a1, values: [1, 2, 3, 4, 5]}}
    - {{name: a2, values: [1, 2, 3, 4, 5]}}
  agent: {agent}
  budget: {{maxTrials: 6, parallelTrials: 2}}
  trial: {{template: {{spec: {{containers: [{{name: trial, image: none, command: {command}}}]}}}}}}
"""


def write_manifest(
    folder: Path,
    agent: Mapping[str, object],
    name: str = "light",
    command: str = "[python, -m, evonas_trial.counting]",
) -> str:
    """Write a search of six trials; return the file's name."""
    (folder / f"{name}.yaml").write_text(MANIFEST.format(name=name, agent=json.dumps(agent), command=command))
    return f"{name}.yaml"
