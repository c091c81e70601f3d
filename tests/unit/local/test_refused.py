"""What ``evonas run`` refuses before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from evonas.cli import cli
from evonas.errors import InvalidManifest
from tests.corpus import good


def test_an_unknown_agent_leaves_no_run_behind(tmp_path: Path) -> None:
    manifest = good("minimal.yaml")
    manifest["spec"]["agent"] = {"type": "Genetic"}
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    arguments = [str(tmp_path / "search.yaml"), "--runs", str(tmp_path / "runs")]
    with pytest.raises(InvalidManifest, match=r"spec\.agent\.type: must be one of Random, .*got 'Genetic'"):
        CliRunner().invoke(cli, ["run", *arguments], catch_exceptions=False)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("name", "said"), [("jobset.yaml", "a JobSet with 5 pods"), ("indexed-job.yaml", "a Job with 4")]
)
def test_a_workload_of_several_pods_is_sent_to_a_cluster(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(good(name)), encoding="utf-8")
    arguments = [str(tmp_path / "search.yaml"), "--runs", str(tmp_path / "runs")]
    with pytest.raises(
        InvalidManifest, match=rf"spec\.trial\.workload: a trial is {said}.* only a cluster runs: submit"
    ):
        CliRunner().invoke(cli, ["run", *arguments], catch_exceptions=False)
    assert not (tmp_path / "runs").exists()
