"""Replicas of the operator: one acts, the others are ready to; and what each says of its health."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.client import Cluster
from harness.waiting import PATIENCE, wait_for
from tests.chart.rendering import installed, of_kind
from tests.integration.relay import Relay
from tests.integration.rights import wait_for_right
from tests.integration.searches import assert_sound, finished, wait_until
from tests.operator_process import PATIENT_LEASE, USUAL_LEASE, OperatorProcess, bind, search

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]
Start = Callable[..., OperatorProcess]

LEASE = "evonas-operator"
DURATION, RENEW_DEADLINE, LATE = 15, 10, 60
"""Seconds of the usual Lease, and how late a busy machine may be."""


@pytest.fixture
def start(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Start]:
    """Start a replica of the namespace's operator under a name; what still runs at the end is stopped."""
    with ExitStack() as stack:

        def start(
            name: str, *, standby: bool = False, lease: Sequence[str] = USUAL_LEASE, **options: Any
        ) -> OperatorProcess:
            log = tmp_path / f"{name}.log"
            process = OperatorProcess(cluster, log, [namespace], identity=name, lease=lease, cold=False, **options)
            stack.callback(process.stop)
            process.start(standby=standby)
            return process

        yield start


def test_the_standby_is_ready_and_only_looks_at_the_lease(
    cluster: Cluster, namespace: str, start: Start, apply: Apply
) -> None:
    leader = start("first", lease=PATIENT_LEASE)
    begin = _time()
    standby = start("second", standby=True, lease=PATIENT_LEASE, kubeconfig=_user(cluster, "standby"))
    apply(search("two", budget={"maxTrials": 12, "parallelTrials": 4}))
    wait_until(cluster, namespace, "two", "Complete")
    assert_sound(cluster, namespace, "two", 12)
    assert (leader.ask("/readyz")[0], leader.ask("/livez")[0]) == (200, 200)
    assert (standby.ask("/readyz")[0], standby.ask("/livez")[0]) == (200, 200)
    assert _metric(leader, "evonas_leader") == 1
    assert _metric(standby, "evonas_leader") == 0
    # It is renewed every two seconds; on a busy machine that may be seen late, but it is seen again and again.
    age = "evonas_lease_renewal_age_seconds"
    wait_for("both to see a renewal", lambda: max(_metric(replica, age) for replica in (leader, standby)) < 5)
    asked = {
        (event["verb"], event["objectRef"]["resource"])
        for event in cluster.audit_events("standby")
        if event["user"].get("username") == "standby" and event["requestReceivedTimestamp"] >= begin
    }
    assert asked <= {("get", "leases"), ("watch", "leases")}


def test_a_stopped_leader_hands_over_at_once(cluster: Cluster, namespace: str, start: Start, apply: Apply) -> None:
    # No test waits until such a lease runs out: whoever gets it was given it.
    leader, standby = start("first", lease=PATIENT_LEASE), start("second", standby=True, lease=PATIENT_LEASE)
    apply(search("handed", budget={"maxTrials": 30, "parallelTrials": 4}))
    cluster.wait_for("some results", lambda: finished(cluster, namespace) >= 6)
    assert leader.stop() == 0, leader.log
    wait_for("the standby to watch", lambda: "watching " in standby.log)
    assert "released the lease" in leader.log
    wait_until(cluster, namespace, "handed", "Complete")
    assert_sound(cluster, namespace, "handed", 30)
    assert cluster.get("lease", LEASE, namespace)["spec"]["leaseTransitions"] == 1
    assert standby.stop() == 0
    assert not cluster.get("lease", LEASE, namespace)["spec"].get("holderIdentity")


def test_a_killed_leader_is_replaced_when_its_lease_runs_out(
    cluster: Cluster, namespace: str, start: Start, apply: Apply
) -> None:
    leader, standby = start("first"), start("second", standby=True)
    apply(search("killed", budget={"maxTrials": 30, "parallelTrials": 4}))
    cluster.wait_for("some results", lambda: finished(cluster, namespace) >= 6)
    leader.kill()
    renewed = _moment(cluster, namespace, "renewTime")
    wait_for("the standby to lead", lambda: "leading as second" in standby.log)
    assert DURATION <= (_moment(cluster, namespace, "acquireTime") - renewed).total_seconds() < DURATION + LATE
    wait_until(cluster, namespace, "killed", "Complete")
    assert_sound(cluster, namespace, "killed", 30)


def test_a_restarted_container_takes_its_own_lease_back(cluster: Cluster, namespace: str, start: Start) -> None:
    operator = start("same", lease=PATIENT_LEASE)
    operator.kill()
    operator.start()
    assert "standing by" not in operator.log


def test_a_frozen_leader_ends_itself_without_another_write(
    cluster: Cluster, namespace: str, start: Start, apply: Apply
) -> None:
    frozen = start("frozen", kubeconfig=_user(cluster, "frozen"))
    standby = start("second", standby=True)
    apply(search("thawed", budget={"maxTrials": 60, "parallelTrials": 4}))
    cluster.wait_for("some results", lambda: finished(cluster, namespace) >= 6)
    process = frozen.process
    assert process is not None
    frozen.freeze()
    wait_for("the standby to watch", lambda: "watching " in standby.log)
    thawed = _time()
    frozen.signal(signal.SIGCONT)
    assert process.wait(timeout=PATIENCE) == 1
    assert "was not renewed for" in frozen.log
    frozen.process = None
    late = cluster.writes("frozen", since=thawed)
    assert [(event["verb"], event["requestURI"], event["requestReceivedTimestamp"]) for event in late] == [], thawed
    wait_until(cluster, namespace, "thawed", "Complete")
    assert_sound(cluster, namespace, "thawed", 60)


@pytest.mark.parametrize("way", ["refused", "unanswered"])
def test_a_leader_that_cannot_renew_ends_before_its_lease_does(cluster: Cluster, start: Start, way: str) -> None:
    # Longer than usual: a busy process may be late to see that it was not renewed.
    duration = 60
    with Relay(cluster.server) as relay:
        lease = (f"--lease-duration={duration}s", f"--renew-deadline={RENEW_DEADLINE}s", "--retry-period=2s")
        operator = start("cut-off", lease=lease, kubeconfig=relay.kubeconfig(_user(cluster, "cut-off")))
        process = operator.process
        assert process is not None
        if way == "refused":
            cluster.kubectl("delete", "clusterrolebinding", "test-cut-off-ha-lease")
        else:
            relay.fall_silent()
        assert process.wait(timeout=PATIENCE) == 1
    waited = re.findall(r"was not renewed for ([\d.]+) s", operator.log)
    assert RENEW_DEADLINE <= float(waited[-1]) < duration
    operator.process = None


def test_another_in_its_lease_ends_the_leader(cluster: Cluster, namespace: str, start: Start) -> None:
    operator = start("ousted", lease=PATIENT_LEASE)
    process = operator.process
    assert process is not None
    patch = '{"spec": {"holderIdentity": "usurper"}}'
    cluster.kubectl("patch", "lease", LEASE, "-n", namespace, "--type=merge", "-p", patch)
    assert process.wait(timeout=PATIENCE) == 1
    assert "taken by usurper" in operator.log
    operator.process = None


def test_a_deleted_lease_stays_with_its_holder(cluster: Cluster, namespace: str, start: Start) -> None:
    start("first", lease=PATIENT_LEASE)
    standby = start("second", standby=True, lease=PATIENT_LEASE)
    cluster.kubectl("delete", "lease", LEASE, "-n", namespace)
    cluster.wait_for(
        "the lease to be there again",
        lambda: cluster.get("lease", LEASE, namespace)["spec"]["holderIdentity"] == "first",
    )
    time.sleep(5)
    assert cluster.get("lease", LEASE, namespace)["spec"]["holderIdentity"] == "first"
    assert "leading" not in standby.log


def test_a_deaf_operator_is_not_alive(cluster: Cluster, start: Start) -> None:
    """It renews its Lease and may do everything, but no watch of the Lease tells it so."""
    operator = start("deaf", kubeconfig=_user(cluster, "deaf", without="watch"))
    assert operator.ask("/livez") == (200, "ok\n")
    assert operator.ask("/readyz")[0] == 200
    wait_for("its death certificate", lambda: operator.ask("/livez")[0] == 503, timeout=60 + PATIENCE, interval=1)
    (deaf,) = re.findall(r"its watch has not seen that for (\d+) s", operator.ask("/livez")[1])
    assert int(deaf) >= 60
    assert operator.ask("/readyz")[0] == 200


def test_without_election_no_lease_is_touched(cluster: Cluster, namespace: str, start: Start) -> None:
    operator = start("alone", options=["--no-leader-election"])
    assert (operator.ask("/readyz")[0], operator.ask("/livez")[0]) == (200, 200)
    assert cluster.list("lease", namespace) == []


def _user(cluster: Cluster, name: str, *, without: str = "") -> Path:
    """A user of its own with the operator's rights, so that the audit log tells the replicas apart."""
    (lease,) = of_kind(installed(), "Role")
    rules = [{**rule, "verbs": [verb for verb in rule["verbs"] if verb != without]} for rule in lease["rules"]]
    role = "ha-lease-without-watch" if without else "ha-lease"
    body = {**lease, "kind": "ClusterRole", "metadata": {"name": role}, "rules": rules}
    cluster.apply(yaml.safe_dump_all([body, bind("evonas-operator", name), bind(role, name)]))
    wait_for_right(cluster, "default", name, "create", "leases")
    return cluster.kubeconfig_for(name)


def _metric(operator: OperatorProcess, name: str) -> float:
    (line,) = (line for line in operator.ask("/metrics")[1].splitlines() if line.startswith(f"{name} "))
    return float(line.split()[1])


def _moment(cluster: Cluster, namespace: str, field: str) -> datetime:
    """Return a time that the Lease tells."""
    return datetime.fromisoformat(cluster.get("lease", LEASE, namespace)["spec"][field])


def _time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
