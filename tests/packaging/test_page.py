"""The page of `evonas ui` in what is packed: always there, of the sources beside it, and built without this machine's
Node."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from building import page
from harness.fixtures import skipping
from tests import built_page
from tests.packaging.conftest import Distributions
from tests.packaging.environments import ROOT, UV, clean_environment, uv
from tests.packaging.test_distributions import contents

LOCKED = json.loads((page.SOURCE / "package-lock.json").read_text())
IN_WHEEL = "evonas/ui/static/"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What is built of, without what was."""
    here = tmp_path / "checkout"
    shutil.copytree(ROOT / "building", here / "building", ignore=shutil.ignore_patterns("__pycache__"))
    ignored = shutil.ignore_patterns("__pycache__", "node_modules", "static")
    for name in ("operator", "trial_image", "crds"):
        shutil.copytree(ROOT / name, here / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "README.md", ".gitignore"):
        shutil.copy(ROOT / name, here)
    return here


def is_built(checkout: Path) -> bool:
    program = "from building import page; print(page.is_built())"
    done = subprocess.run([sys.executable, "-c", program], cwd=checkout, check=True, capture_output=True, text=True)
    return done.stdout == "True\n"


def files_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def test_the_wheel_has_the_page_as_it_is_built_here(distributions: Distributions) -> None:
    packed = contents(distributions.wheel)
    found = {name.removeprefix(IN_WHEEL): packed[name] for name in packed if name.startswith(IN_WHEEL)}
    assert found == dict(files_of(page.STATIC))
    assert b'<script type="module"' in found["index.html"]
    # Sources stay where they are.
    assert not [name for name in packed if name.endswith((".ts", ".tsx", ".map"))]


def test_the_licences_of_all_that_is_bundled_ship_with_the_page(distributions: Distributions) -> None:
    text = contents(distributions.wheel)[f"{IN_WHEEL}licenses.txt"].decode()
    wanted = json.loads((page.SOURCE / "package.json").read_text())["dependencies"]
    named = re.findall(r"^## (\S+) - (\S+) \((.+)\)$", text, re.MULTILINE)
    assert {(name, version) for name, version, _ in named} >= set(wanted.items())
    assert {licence for _, _, licence in named} <= {"MIT", "ISC", "BSD-3-Clause", "Apache-2.0", "0BSD"}
    assert text.count("Permission is hereby granted") + text.count("Permission to use") >= len(wanted)


def test_a_wheel_without_the_page_is_refused(distributions: Distributions, tmp_path: Path) -> None:
    shutil.unpack_archive(distributions.sdist, tmp_path)
    (folder,) = tmp_path.iterdir()
    shutil.rmtree(folder / "operator" / "evonas" / "ui" / "static")
    done = subprocess.run(
        [UV, "build", "--wheel", folder], env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "operator/evonas/ui/static is missing, and operator/page, of which it is built" in done.stderr
    assert not list(folder.glob("dist/*.whl"))


def test_a_checkout_without_the_page_is_built_with_node_from_an_index(
    checkout: Path, distributions: Distributions, tmp_path: Path
) -> None:
    # Whoever builds there has Python only: no Node, and no npm.
    uv("build", "--quiet", "--wheel", "--out-dir", tmp_path, checkout)
    (wheel,) = tmp_path.glob("*.whl")
    assert contents(wheel) == contents(distributions.wheel)
    assert is_built(checkout)


def test_the_page_is_built_anew_of_other_sources_only(checkout: Path) -> None:
    assert not is_built(checkout)
    shutil.copytree(page.STATIC, checkout / page.STATIC.relative_to(ROOT))
    assert is_built(checkout)
    source = checkout / "operator" / "page" / "src" / "another.ts"
    source.write_text("export const another = 1;\n")
    assert not is_built(checkout)
    source.unlink()
    assert is_built(checkout)


def test_an_editable_installation_needs_no_page(checkout: Path, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    uv("venv", "--quiet", "--python", sys.executable, environment)
    uv("pip", "install", "--quiet", "--no-deps", "--python", environment / "bin" / "python", "--editable", checkout)
    assert not (checkout / page.STATIC.relative_to(ROOT)).exists()


def test_types_of_the_page_are_those_of_the_servers_api(tmp_path: Path) -> None:
    with skipping():
        built_page.build()
    copy = tmp_path / "page"
    shutil.copytree(page.SOURCE, copy, ignore=shutil.ignore_patterns("node_modules"))
    (copy / "node_modules").symlink_to(page.SOURCE / "node_modules")
    programs = Path(sys.executable).parent
    # npm's scripts find Node and Python on the path.
    search_path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([programs / "npm", "run", "generate"], cwd=copy, env={**os.environ, "PATH": search_path}, check=True)
    types = Path("src", "api", "types.ts")
    assert (copy / types).read_text() == (page.SOURCE / types).read_text(), "run `make generate`"


def test_lock_file_pins_all_by_digest_and_names_no_registry() -> None:
    packages = {name: entry for name, entry in LOCKED["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name
    # Every optional package must be listed, for other machines too, or `npm ci` refuses the whole.
    optional = {other for entry in packages.values() for other in entry.get("optionalDependencies", {})}
    assert optional <= {name.rpartition("node_modules/")[2] for name in packages}


def test_versions_of_the_page_are_exact_and_node_is_the_same_everywhere() -> None:
    package = json.loads((page.SOURCE / "package.json").read_text())
    for versions in (package["dependencies"], package["devDependencies"]):
        assert [version for version in versions.values() if not version[0].isdigit()] == []
    assert f'"{page.NODE}"' in (ROOT / "pyproject.toml").read_text()
