"""The real node: containerd, kubelet, kube-proxy and CoreDNS in a sandbox, with four GPUs that exist on paper."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import yaml

from harness import containerd, credentials, images, processes, sandbox
from harness.client import Cluster
from harness.credentials import NODE_NAME
from harness.state import Instance
from harness.waiting import wait_for

PORTS = ("kubelet-health", "kube-proxy-health", "coredns-health")

DOMAIN = "cluster.local"

# It knows the cluster's names; there is no network beyond it, so that any other name is at once nobody's. Answers are
# kept for no time: who looks for a pod before it is there finds it as soon as it is.
_COREFILE = """\
.:53 {{
  bind {host}
  errors
  health {health}
  kubernetes {domain} in-addr.arpa {{
    kubeconfig {kubeconfig}
    ttl 0
  }}
  template ANY ANY {{
    rcode NXDOMAIN
  }}
}}
"""

GPU = "nvidia.com/gpu"
GPUS = 4


def prepare(progress: Callable[[str], None]) -> None:
    """Make what every node needs and no node changes: the base images."""
    images.prepare(progress)


def open_sandbox(instance: Instance, programs: dict[str, Path]) -> None:
    """Make the namespaces in which everything else of the instance starts, the control plane included."""
    sandbox.create(instance, programs["pause"])


def close_sandbox(instance: Instance) -> None:
    """Remove what is left of the sandbox after its processes."""
    sandbox.remove(instance)


def start(instance: Instance, programs: dict[str, Path]) -> None:
    """Start the node and return when a pod that asks for a GPU would run."""
    _start_containerd(instance)
    _start_kubelet(instance, programs["kubelet"])
    _start_kube_proxy(instance, programs["kube-proxy"])
    _start_coredns(instance, programs["coredns"])
    cluster = Cluster(instance)
    cluster.wait_for("the node to register", lambda: cluster.get("node", NODE_NAME))
    _add_gpus(cluster)
    for name in ("kubelet", "kube-proxy", "coredns"):
        processes.wait_healthy(instance, name)
    cluster.wait_for("the node to be Ready and open", lambda: _is_open(cluster))


def _start_containerd(instance: Instance) -> None:
    root = instance.path("node", "containerd")
    containerd.plant(images.prepare().seed, root)
    config, cni = instance.path("node", "containerd.toml"), instance.path("node", "cni-conf", "evonas.conflist").parent
    containerd.write_config(config, root=root, state=containerd.STATE, pause=images.PAUSE, cni=cni)
    (cni / "evonas.conflist").write_text(json.dumps(_cni(instance)))
    processes.start(instance, "containerd", ["containerd", "--config", config])
    ctr = [*processes.entering(instance), *containerd.client(containerd.STATE)]
    wait_for("containerd to answer", lambda: containerd.answers(ctr))


def _cni(instance: Instance) -> dict[str, object]:
    addresses = {"type": "host-local", "ranges": [[{"subnet": instance.pod_cidr}]], "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "hairpinMode": True}
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "evonas", "plugins": [{**bridge, "ipam": addresses}, portmap]}


def _start_kubelet(instance: Instance, program: Path) -> None:
    config = instance.path("node", "kubelet.yaml")
    config.write_text(yaml.safe_dump(_kubelet_configuration(instance)))
    argv = [
        program,
        f"--config={config}",
        f"--kubeconfig={credentials.kubeconfig_path(instance, f'system:node:{NODE_NAME}')}",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={instance.host}",
    ]
    health = f"http://{instance.host}:{instance.ports['kubelet-health']}/healthz"
    processes.start(instance, "kubelet", argv, health=health)


def _kubelet_configuration(instance: Instance) -> dict[str, object]:
    pki = instance.folder / "pki"
    resolver = instance.path("node", "resolv.conf")
    resolver.write_text("")
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "server.crt"),
        "tlsPrivateKeyFile": str(pki / "server.key"),
        "healthzBindAddress": instance.host,
        "healthzPort": instance.ports["kubelet-health"],
        "containerRuntimeEndpoint": f"unix://{containerd.STATE}/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{instance.cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [instance.host],
        "clusterDomain": DOMAIN,
        "resolvConf": str(resolver),
        # The images cannot be pulled again, and the disk belongs to others too.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
    }


def _start_kube_proxy(instance: Instance, program: Path) -> None:
    health = f"{instance.host}:{instance.ports['kube-proxy-health']}"
    argv = [
        program,
        f"--kubeconfig={credentials.kubeconfig_path(instance, 'system:kube-proxy')}",
        f"--hostname-override={NODE_NAME}",
        f"--healthz-bind-address={health}",
        "--proxy-mode=iptables",
        # Settings of the whole machine, which a sandbox may not change.
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
    ]
    processes.start(instance, "kube-proxy", argv, health=f"http://{health}/healthz")


def _start_coredns(instance: Instance, program: Path) -> None:
    health = f"{instance.host}:{instance.ports['coredns-health']}"
    user = credentials.kubeconfig_path(instance, "coredns")
    config = instance.path("node", "Corefile")
    config.write_text(_COREFILE.format(host=instance.host, health=health, domain=DOMAIN, kubeconfig=user))
    processes.start(instance, "coredns", [program, "-conf", config], health=f"http://{health}/health")


def _add_gpus(cluster: Cluster) -> None:
    """Scheduler and kubelet count what the node's status says; only a container that looks finds no GPU."""
    escaped = GPU.replace("/", "~1")
    patch = [
        {"op": "add", "path": f"/status/{field}/{escaped}", "value": str(GPUS)} for field in ("capacity", "allocatable")
    ]
    cluster.kubectl("patch", "node", NODE_NAME, "--subresource=status", "--type=json", "-p", json.dumps(patch))


def _is_open(cluster: Cluster) -> bool:
    node = cluster.get("node", NODE_NAME)
    conditions = {item["type"]: item["status"] for item in node["status"].get("conditions", [])}
    ready = conditions.get("Ready") == "True" and not node["spec"].get("taints")
    return ready and node["status"]["allocatable"].get(GPU) == str(GPUS)
