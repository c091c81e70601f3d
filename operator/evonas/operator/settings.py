"""How the operator is run: all settings of its command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evonas.cluster.leader.lease import USUAL, Timing


@dataclass(frozen=True)
class LeaseSettings:
    """The Lease by which replicas agree on who acts, and the name under which this one is a candidate."""

    namespace: str
    name: str
    identity: str
    timing: Timing = USUAL


@dataclass(frozen=True)
class OperatorSettings:
    """Settings of `evonas operator`."""

    namespaces: tuple[str, ...] = ()
    """Namespaces to watch; none means all."""
    kubeconfig: Path | None = None
    """Kubeconfig to use; by default the service account, otherwise KUBECONFIG or ~/.kube/config."""
    context: str | None = None
    """Context of the kubeconfig; by default its current one."""
    metrics_host: str = "0.0.0.0"
    """Address of the HTTP server for metrics and probes."""
    metrics_port: int = 8080
    """Its port; 0 picks a free one."""
    workers: int = 16
    """How many searches are processed at once."""
    resync_seconds: float = 600
    """Seconds between two full comparisons with the API server."""
    create_trial_accounts: bool = True
    """Create the trials' ServiceAccount in each namespace that has a search; otherwise it must already exist."""
    workloads: tuple[str, ...] = ()
    """Kinds of workload to run beside Jobs, by name."""
    lease: LeaseSettings | None = None
    """None: act without an election, as the only replica."""
