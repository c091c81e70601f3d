"""Kubernetes' programs, built from Go modules: no registry, no release download, only the module proxy.

The versions stand in ``build/*/go.mod``. A build takes minutes, so its result is cached outside the checkout under a
key made of those files and the Go version. ``KUBEBUILDER_ASSETS`` is used where it holds a program.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from functools import cache as remember
from itertools import groupby
from pathlib import Path

from harness import cache
from harness.commands import run
from harness.errors import CommandFailed, Unavailable

MODULES = Path(__file__).parent / "build"

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
KWOK = ("kwok",)
KUEUE = ("kueue",)
JOBSET = ("jobset",)
TRAINER = ("trainer",)
TRAINER22 = ("trainer22",)
KUBERAY = ("kuberay",)
HELM = ("helm",)
HELM_DOCS = ("helm-docs",)
NODE = ("kubelet", "kube-proxy", "pause", "coredns")
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
    "coredns": {"coredns": "."},
    "helm": {"helm": "helm.sh/helm/v4/cmd/helm"},
    "helm-docs": {"helm-docs": "github.com/norwoodj/helm-docs/cmd/helm-docs"},
    "jobset": {"jobset": "sigs.k8s.io/jobset"},
    "kstatus": {"kstatus": "."},
    "kuberay": {"kuberay": "github.com/ray-project/kuberay/ray-operator"},
    "kubernetes": {"etcd": "go.etcd.io/etcd/server/v3", **_KUBERNETES},
    "kueue": {"kueue": "sigs.k8s.io/kueue/cmd/kueue"},
    "kwok": {"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
    "pause": {"pause": "."},
    "prometheus": {name: f"github.com/prometheus/prometheus/cmd/{name}" for name in PROMETHEUS},
    "trainer": {"trainer": "."},
    "trainer22": {"trainer22": "github.com/kubeflow/trainer/v2/cmd/trainer-controller-manager"},
}
# Prometheus without the clients of a dozen clouds, most of what it is built of: these tests name their targets.
_TAGS = {"prometheus": "remove_all_sd"}
_MODULE_OF = {program: module for module, programs in _PACKAGES.items() for program in programs}


def ensure(programs: Iterable[str], progress: Callable[[str], None] = print) -> dict[str, Path]:
    """Where each of these programs lies, built first where need be."""
    places = {program: _prebuilt(program) or _place(program) for program in programs}
    missing = [program for program, place in places.items() if not place.exists()]
    if missing and shutil.which("go") is None:
        raise Unavailable("go is not installed, and Kubernetes' programs are built with it")
    for name, of_module in groupby(sorted(missing, key=_MODULE_OF.__getitem__), key=_MODULE_OF.__getitem__):
        _build(MODULES / name, {program: places[program] for program in of_module}, progress)
    return places


def _prebuilt(program: str) -> Path | None:
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    candidate = Path(assets) / program if assets else None
    return candidate if candidate and os.access(candidate, os.X_OK) else None


def _place(program: str) -> Path:
    module = MODULES / _MODULE_OF[program]
    return cache.root() / "bin" / f"{module.name}-{_module_key(module)}" / program


def _build(module: Path, targets: dict[str, Path], progress: Callable[[str], None]) -> None:
    """Build programs of one module in one go: while one is linked, on one core, another is compiled."""
    # One lock for all programs: two builds at once share most packages and would only compete for the same cores.
    with cache.locked("go-build"), tempfile.TemporaryDirectory() as folder:
        due = {program: target for program, target in targets.items() if not target.exists()}
        if not due:
            return
        progress(f"building {', '.join(due)} (once; minutes when cold)")
        packages = {program: _PACKAGES[module.name][program] for program in due}
        flags = ["-s", "-w", *_version_flags(module)]
        tags = _TAGS.get(module.name, "")
        command = ["go", "build", "-trimpath", "-tags", tags, "-ldflags", " ".join(flags), "-o", f"{folder}/"]
        try:
            run([*command, *packages.values()], cwd=module, env={**os.environ, "CGO_ENABLED": "0"})
        except CommandFailed as error:
            raise Unavailable(
                f"{', '.join(due)} could not be built (is the Go module proxy in reach?): {error}"
            ) from error
        for program, target in due.items():
            with cache.publishing(target) as unfinished:
                shutil.move(Path(folder) / _file_of(program, packages[program]), unfinished)


def _file_of(program: str, package: str) -> str:
    """What Go calls the program: by the last part of its package's path that is no major version."""
    parts = [part for part in package.split("/") if not re.fullmatch(r"v\d+", part)]
    return program if package == "." else parts[-1]


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
