"""Kubernetes' programs, built from Go modules: no registry, no release download, only the module proxy.

The versions stand in ``build/*/go.mod``. A build takes minutes, so its result is cached outside the checkout under a
key made of those files and the Go version. ``KUBEBUILDER_ASSETS`` is used where it holds a program.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable
from functools import cache as remember
from pathlib import Path

from tests.cluster import cache
from tests.cluster.commands import run
from tests.cluster.errors import CommandFailed, Unavailable

MODULES = Path(__file__).parent / "build"

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
KWOK = ("kwok",)
KUEUE = ("kueue",)
HELM = ("helm",)
HELM_DOCS = ("helm-docs",)
NODE = ("kubelet", "kube-proxy", "pause")
PROMETHEUS = ("prometheus", "promtool")
KSTATUS = ("kstatus",)

_KUBERNETES = {
    name: f"k8s.io/kubernetes/cmd/{name}"
    for name in (
        "kube-apiserver",
        "kube-controller-manager",
        "kube-proxy",
        "kube-scheduler",
        "kubectl",
        "kubelet",
    )
}
_PACKAGES = {
    "helm": {"helm": "helm.sh/helm/v4/cmd/helm"},
    "helm-docs": {"helm-docs": "github.com/norwoodj/helm-docs/cmd/helm-docs"},
    "kstatus": {"kstatus": "."},
    "kubernetes": {"etcd": "go.etcd.io/etcd/server/v3", **_KUBERNETES},
    "kueue": {"kueue": "sigs.k8s.io/kueue/cmd/kueue"},
    "kwok": {"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
    "pause": {"pause": "."},
    "prometheus": {name: f"github.com/prometheus/prometheus/cmd/{name}" for name in PROMETHEUS},
}
_MODULE_OF = {program: module for module, programs in _PACKAGES.items() for program in programs}


def ensure(programs: Iterable[str], progress: Callable[[str], None] = print) -> dict[str, Path]:
    """Where each of these programs lies, built first where need be."""
    return {program: _prebuilt(program) or _built(program, progress) for program in programs}


def _prebuilt(program: str) -> Path | None:
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    candidate = Path(assets) / program if assets else None
    return candidate if candidate and os.access(candidate, os.X_OK) else None


def _built(program: str, progress: Callable[[str], None]) -> Path:
    if shutil.which("go") is None:
        raise Unavailable("go is not installed, and Kubernetes' programs are built with it")
    module = MODULES / _MODULE_OF[program]
    target = cache.root() / "bin" / f"{module.name}-{_module_key(module)}" / program
    # One lock for all programs: two builds at once share most packages and would only compete for the same cores.
    if not target.exists():
        with cache.locked("go-build"):
            if not target.exists():
                progress(f"building {program} (once; minutes when cold)")
                _build(module, _PACKAGES[module.name][program], target)
    return target


def _build(module: Path, package: str, target: Path) -> None:
    flags = ["-s", "-w", *_version_flags(module)]
    with cache.publishing(target) as unfinished:
        command = ["go", "build", "-trimpath", "-ldflags", " ".join(flags), "-o", unfinished, package]
        try:
            run(command, cwd=module, env={**os.environ, "CGO_ENABLED": "0"})
        except CommandFailed as error:
            raise Unavailable(
                f"{target.name} could not be built (is the Go module proxy in reach?): {error}"
            ) from error


def _version_flags(module: Path) -> list[str]:
    """Without these the API server calls itself v0.0.0-master, which clients and charts that check versions refuse."""
    found = re.search(r"^\s*k8s\.io/kubernetes (v(\d+)\.(\d+)\.\S+)", (module / "go.mod").read_text(), re.M)
    if not found:
        return []
    version, major, minor = found.groups()
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    return [f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items()]


def source(module: str, package: str) -> Path:
    """Where the sources of a Go module lie, in the version that a build module names: manifests come with them."""
    found: dict[str, str] = json.loads(run(["go", "mod", "download", "-json", package], cwd=MODULES / module))
    return Path(found["Dir"])


@remember
def _module_key(module: Path) -> str:
    sources = sorted(path for path in module.iterdir() if path.suffix in {".mod", ".sum", ".go"})
    go_version = run(["go", "env", "GOVERSION"], cwd=module)
    return cache.key([go_version, *(path.read_bytes() for path in sources)])
