"""The wheel and the source distribution: what is in them, and that an index and a type checker take them."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from harness.fixtures import skipping
from tests.packaging.conftest import Distributions
from tests.packaging.environments import ROOT, Bare, clean_environment, uv

CONSUMER = """
from evonas.spec import SearchSpec
from evonas_trial import report

seed: int = report.seed()
search: SearchSpec = SearchSpec.parse({})
wrong: str = report.seed()
also_wrong: int = search.name
"""


def test_an_index_would_take_both(distributions: Distributions) -> None:
    command = [sys.executable, "-m", "twine", "check", "--strict", str(distributions.sdist), str(distributions.wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count("PASSED")) == (0, 2), done.stdout + done.stderr


def test_the_source_distribution_has_what_the_wheel_is_built_of_and_no_more(
    distributions: Distributions, tmp_path: Path
) -> None:
    with tarfile.open(distributions.sdist) as archive:
        places = {Path(*Path(member.name).parts[1:]) for member in archive.getmembers() if member.isfile()}
    tops = {place.parts[0] for place in places}
    assert tops == {"building", "operator", "trial_image", "pyproject.toml", "README.md", "PKG-INFO", ".gitignore"}
    with skipping():
        uv("build", "--quiet", "--wheel", "--out-dir", tmp_path, ROOT)
    (direct,) = tmp_path.glob("*.whl")
    assert contents(direct) == contents(distributions.wheel)


def test_the_wheel_has_all_that_is_no_code(distributions: Distributions) -> None:
    packed = contents(distributions.wheel)
    for package, source in (("evonas", ROOT / "operator" / "evonas"), ("evonas_trial", ROOT / "trial_image")):
        assert f"{package}/py.typed" in packed
        data = [path for path in source.rglob("*") if path.is_file() and path.suffix in (".j2", ".css", ".yaml")]
        for path in data:
            assert packed[f"{package}/{path.relative_to(source)}"] == path.read_bytes()
    for crd in (ROOT / "crds").iterdir():
        assert packed[f"evonas/crds/{crd.name}"] == crd.read_bytes()


def test_a_type_checker_sees_the_types_of_both_packages(bare: Bare, tmp_path: Path) -> None:
    (tmp_path / "consumer.py").write_text(CONSUMER)
    options = ["--strict", "--python-executable", str(bare.python), "--cache-dir", str(tmp_path / "cache")]
    command = [sys.executable, "-m", "mypy", *options, "consumer.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=500, check=False
    )
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert [line.partition(":")[0] for line in errors] == ["consumer.py"] * 2, done.stdout + done.stderr
    assert all("Incompatible types in assignment" in line for line in errors)


def contents(wheel: Path) -> dict[str, bytes]:
    """Return the files of a wheel, without the list of them."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}
