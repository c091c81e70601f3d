"""What the command line makes of the operator: its lease, where it does not say, and the kinds that it runs."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
from click.testing import CliRunner

from evonas.cli import cli
from evonas.cluster.leader.lease import Timing
from evonas.commands import operator
from evonas.operator.settings import LeaseSettings, OperatorSettings
from evonas.workloads.catalogue import ENGINES


@pytest.fixture(autouse=True)
def no_pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("POD_NAME", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(operator, "POD_NAMESPACE_FILE", tmp_path / "namespace")


def lease(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> LeaseSettings | None:
    return settings(monkeypatch, *arguments).lease


def settings(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> OperatorSettings:
    given: list[OperatorSettings] = []

    async def serve(settings: OperatorSettings) -> None:
        given.append(settings)

    monkeypatch.setattr(operator, "serve", serve)
    result = CliRunner().invoke(cli, ["operator", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return given[0]


def test_in_a_pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "namespace").write_text("evonas-system\n")
    monkeypatch.setenv("POD_NAME", "evonas-operator-abc")
    expected = LeaseSettings("evonas-system", "evonas-operator", "evonas-operator-abc")
    assert lease(monkeypatch, "-n", "team") == expected


def test_in_a_pod_that_does_not_say_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    found = lease(monkeypatch)
    assert found is not None
    assert found.identity == platform.node()


def test_beside_a_cluster_two_processes_have_two_names(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = lease(monkeypatch), lease(monkeypatch)
    assert first is not None
    assert second is not None
    assert first.identity != second.identity
    assert first.identity.startswith(platform.node())


@pytest.mark.parametrize(
    ("arguments", "namespace"), [([], "default"), (["-n", "a", "-n", "b"], "a"), (["--lease-namespace", "c"], "c")]
)
def test_beside_a_cluster_it_lies_in(monkeypatch: pytest.MonkeyPatch, arguments: list[str], namespace: str) -> None:
    found = lease(monkeypatch, *arguments)
    assert found is not None
    assert found.namespace == namespace


def test_it_can_be_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lease(monkeypatch, "--no-leader-election") is None


def test_its_times_are_given_as_to_kubernetes_own_components(monkeypatch: pytest.MonkeyPatch) -> None:
    found = lease(monkeypatch, "--lease-duration", "1m30s", "--renew-deadline=60s", "--retry-period=500ms")
    assert found is not None
    assert found.timing == Timing(90, 60, 0.5)
    found = lease(monkeypatch)
    assert found is not None
    assert found.timing == Timing()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lease-duration=15"], "'--lease-duration': '15' is no duration; write 15s, 500ms or 1m30s"),
        (["--renew-deadline=20s"], "--renew-deadline (20s) must be shorter than --lease-duration (15s)"),
    ],
)
def test_times_that_cannot_be_are_refused_before_anything_starts(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(cli, ["operator", *arguments])
    assert result.exit_code == 2
    assert said in result.output


def test_kinds_of_workload_are_run_where_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch).workloads == ()
    assert settings(monkeypatch, *(word for kind in ENGINES for word in ("--workload", kind.name))).workloads == tuple(
        kind.name for kind in ENGINES
    )


def test_a_kind_that_there_is_not_is_refused_with_the_list() -> None:
    result = CliRunner().invoke(cli, ["operator", "--workload", "MPIJob"])
    assert result.exit_code == 2
    assert all(kind.name in result.output for kind in ENGINES)
