"""The images that the project's images start from in tests: Debian with Python, and the same with every dependency.

``python:3.11-slim`` cannot be pulled where there is no registry, and torch from the package index is the CUDA build,
five gigabytes in which a machine without a GPU never looks at half. So the larger base takes the packages that are
installed beside these tests, as they are, without the files that only a GPU would load: no download, and containers
run the very versions that the tests import.
"""

from __future__ import annotations

import importlib.util
import json
import py_compile
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from harness import binaries, cache
from harness.commands import run
from harness.errors import CommandFailed, Unavailable
from harness.oci import Layout, Tree

PAUSE = "pause"
SMALL = "python"
FULL = "python-with-dependencies"

_SUITE = "bookworm"
_PYTHON = (3, 11)
_SITE = "usr/local/lib/python3.11/dist-packages"
_DEBIAN_PACKAGES = ("ca-certificates", "python-is-python3", "python3", "python3-pip", "python3-venv")
_LEFT_OUT_OF_DEBIAN = ("./dev/*", "./var/cache/*", "./var/lib/apt/lists/*", "./usr/share/doc/*", "./usr/share/man/*")

# What a CPU never loads: the compiler for GPU kernels, cuDNN's engines (the small library that torch is linked to
# stays), headers and static libraries. pip still sees every package installed, for their metadata stay.
_LEFT_OUT_OF_PACKAGES = (
    "triton/*",
    "nvidia/cudnn/lib/libcudnn_*",
    "nvidia/nvshmem/lib/libnvshmem_device*",
    "nvidia/*/include/*",
    "torch/include/*",
    "torch/test/*",
    "*.a",
    # Whether this machine has them is chance; see _compile.
    "*.pyc",
)
_COMPILED = py_compile.PycInvalidationMode.UNCHECKED_HASH

# The machine's certificates, for machines that trust more than Debian does; pip in a build must work as it does
# outside.
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

_CONFIG = {
    "Env": [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PIP_CERT=/etc/ssl/certs/ca-certificates.crt",
        # Debian keeps pip off its own Python; in an image there is nobody else's Python to protect.
        "PIP_BREAK_SYSTEM_PACKAGES=1",
        "PIP_DISABLE_PIP_VERSION_CHECK=1",
        "PIP_ROOT_USER_ACTION=ignore",
    ],
    "Cmd": ["python3"],
}


def key() -> str:
    """Changes with everything that goes into the bases."""
    versions = sorted(f"{item.name}=={item.version}" for item in _distributions())
    certificates = _CERTIFICATES.read_bytes() if _CERTIFICATES.exists() else b""
    pause = (binaries.MODULES / "pause" / "main.go").read_bytes()
    left_out = [_LEFT_OUT_OF_DEBIAN, _LEFT_OUT_OF_PACKAGES]
    choices = json.dumps([_SUITE, _DEBIAN_PACKAGES, *left_out, _COMPILED.name, _CONFIG])
    return cache.key([choices, certificates, pause, *versions])


def write(layout: Layout, progress: Callable[[str], None]) -> None:
    """Write the three base images."""
    if sys.version_info[:2] != _PYTHON:
        raise Unavailable(
            f"images are built from the packages of Python {_PYTHON[0]}.{_PYTHON[1]}, Debian {_SUITE}'s own"
        )
    pause = binaries.ensure([PAUSE], progress)[PAUSE]
    layout.add_image(PAUSE, [layout.add_layer(Tree({"pause": pause}).write)], {"Entrypoint": ["/pause"]})
    progress("installing Debian with Python into a base image")
    debian = layout.add_layer(_write_debian)
    layout.add_image(SMALL, [debian], _CONFIG)
    progress("copying the installed packages, torch included, into a base image")
    packages = layout.add_layer(_write_packages)
    layout.add_image(FULL, [debian, packages], _CONFIG)


def _write_debian(target: Path) -> None:
    folder = Path(tempfile.mkdtemp(dir=target.parent))
    try:
        packages = ",".join(_DEBIAN_PACKAGES)
        try:
            run(["debootstrap", "--variant=minbase", f"--include={packages}", _SUITE, folder])
        except CommandFailed as error:
            raise Unavailable(f"Debian could not be installed (is its mirror in reach?): {error}") from error
        if _CERTIFICATES.exists():
            shutil.copy(_CERTIFICATES, folder / _CERTIFICATES.relative_to("/"))
        excluded = [f"--exclude={pattern}" for pattern in _LEFT_OUT_OF_DEBIAN]
        run(["tar", "--create", "--sort=name", "--numeric-owner", *excluded, f"--file={target}", "-C", folder, "."])
    finally:
        shutil.rmtree(folder)


def _write_packages(target: Path) -> None:
    files = dict(_files())
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        Tree(files | _compile(files, Path(folder))).write(target)


def _compile(files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Compile modules as pip does when it installs: without, every container would spend seconds on it."""
    compiled = {}
    for place, source in files.items():
        if place.endswith(".py"):
            cached = importlib.util.cache_from_source(place)
            try:
                target = str(folder / cached)
                py_compile.compile(str(source), target, f"/{place}", doraise=True, invalidation_mode=_COMPILED)
            except py_compile.PyCompileError:
                # A template, or code for another Python: pip leaves such files as they are, too.
                continue
            compiled[cached] = folder / cached
    return compiled


def _files() -> Iterator[tuple[str, Path]]:
    """Every file of every package that the images need, and its place in the image."""
    for distribution in _distributions():
        for file in distribution.files or []:
            name = str(file)
            source = Path(str(distribution.locate_file(file)))
            # Scripts lie outside and name this environment's Python in their first line; the images' own are enough.
            if not name.startswith("../") and not _left_out(name) and source.exists():
                yield f"{_SITE}/{name}", source


def _left_out(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in _LEFT_OUT_OF_PACKAGES)


def _distributions() -> list[metadata.Distribution]:
    """The installed packages that ``evonas[agents,operator,trial,ui]`` needs, directly or not; itself apart."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [("evonas", frozenset({"agents", "operator", "trial", "ui"}))]
    seen = set(waiting)
    while waiting:
        name, extras = waiting.pop()
        distribution = metadata.distribution(name)
        found[_normalised(name)] = distribution
        for requirement in map(Requirement, distribution.requires or []):
            if _applies(requirement, extras):
                wanted = (_normalised(requirement.name), frozenset(requirement.extras))
                if wanted not in seen:
                    seen.add(wanted)
                    waiting.append(wanted)
    del found["evonas"]
    return [found[name] for name in sorted(found)]


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in (extras or {""}))


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
