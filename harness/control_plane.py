"""The control plane: etcd, API server, controller-manager, scheduler; the real programs, ready in seconds."""

from __future__ import annotations

from pathlib import Path

import yaml

from harness import credentials, processes
from harness.client import Cluster
from harness.state import Instance

PORTS = ("etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "kube-scheduler")

_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*"]},
        {"level": "Metadata"},
    ],
}

# What a client asks of the API server is the subject of a benchmark; what these two ask must not be its limit. The
# default of 20 requests a second caps Jobs at about 210 a minute.
_LIFTED_LIMITS = ["--kube-api-qps=2000", "--kube-api-burst=4000"]
# The default rate, with room for the hundreds of requests of a start, which would else take five seconds longer.
_DEFAULT_LIMITS = ["--kube-api-qps=20", "--kube-api-burst=400"]


def start(instance: Instance, programs: dict[str, Path]) -> None:
    """Start all four and return when a Pod could be created."""
    _start_etcd(instance, programs["etcd"])
    _start_api_server(instance, programs["kube-apiserver"])
    processes.wait_healthy(instance, "kube-apiserver")
    _start_controller_manager(instance, programs["kube-controller-manager"])
    _start_scheduler(instance, programs["kube-scheduler"])
    for name in ("kube-controller-manager", "kube-scheduler"):
        processes.wait_healthy(instance, name)
    cluster = Cluster(instance)
    cluster.wait_for(
        "the default service account",
        lambda: cluster.list("serviceaccounts", "default", fields="metadata.name=default"),
    )


def _start_etcd(instance: Instance, program: Path) -> None:
    client, peer = (f"http://{instance.host}:{instance.ports[name]}" for name in ("etcd", "etcd-peer"))
    argv = [
        program,
        f"--data-dir={instance.path('etcd')}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--quota-backend-bytes=4294967296",
        "--log-level=warn",
        # The data dies with the instance: nothing is gained by waiting for the disk.
        "--unsafe-no-fsync",
    ]
    processes.start(instance, "etcd", argv, health=f"{client}/health")


def _start_api_server(instance: Instance, program: Path) -> None:
    pki = instance.folder / "pki"
    policy = instance.path("audit-policy.yaml")
    policy.write_text(yaml.safe_dump(_AUDIT_POLICY))
    port = instance.ports["kube-apiserver"]
    argv = [
        program,
        f"--etcd-servers=http://{instance.host}:{instance.ports['etcd']}",
        f"--secure-port={port}",
        f"--bind-address={'0.0.0.0' if instance.tier == 'node' else instance.host}",
        f"--advertise-address={instance.host}",
        # Only with a node does anyone look up the server's endpoints, and loopback is not allowed in them.
        *([] if instance.tier == "node" else ["--endpoint-reconciler-type=none"]),
        f"--service-cluster-ip-range={instance.service_cidr}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--token-auth-file={pki / 'tokens.csv'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--cert-dir={pki}",
        f"--tls-cert-file={pki / 'server.crt'}",
        f"--tls-private-key-file={pki / 'server.key'}",
        f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'kubelet-client.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki / 'service-account.pub'}",
        f"--service-account-signing-key-file={pki / 'service-account.key'}",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={audit_log(instance)}",
        "--audit-log-maxsize=200",
        "--audit-log-maxbackup=4",
    ]
    processes.start(instance, "kube-apiserver", argv, health=f"{instance.server}/readyz")


def _start_controller_manager(instance: Instance, program: Path) -> None:
    pki = instance.folder / "pki"
    extra = [
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={pki / 'service-account.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
    ]
    _start_client(instance, program, extra)


def _start_scheduler(instance: Instance, program: Path) -> None:
    _start_client(instance, program, [])


def _start_client(instance: Instance, program: Path, extra: list[str]) -> None:
    """What the controller-manager and the scheduler have in common."""
    name = program.name
    pki = instance.folder / "pki"
    kubeconfig = credentials.kubeconfig_path(instance, f"system:{name}")
    port = instance.ports[name]
    argv = [
        program,
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        f"--bind-address={instance.host}",
        f"--secure-port={port}",
        f"--tls-cert-file={pki / 'server.crt'}",
        f"--tls-private-key-file={pki / 'server.key'}",
        *(_LIFTED_LIMITS if instance.options.fast or instance.has_fake_node else _DEFAULT_LIMITS),
        *extra,
    ]
    processes.start(instance, name, argv, health=f"https://{instance.host}:{port}/healthz")


def audit_log(instance: Instance) -> Path:
    return instance.path("audit", "audit.log")
