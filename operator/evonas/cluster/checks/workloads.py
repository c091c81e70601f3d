"""Whether searches can have trials of many pods: the kinds that an operator runs, and the engines behind them.

What the operator needs for a kind: that it is enabled, that the cluster serves it, the rights to it. What a trial needs
beyond that: an engine that acts under an account which the admission policies let make its pods, and a Kueue that knows
the kind, where a search has a queue.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from evonas.cluster.checks.finding import Finding, Verdict, all_of, look
from evonas.cluster.checks.releases import NAME_LABEL, Installation, upgrade
from evonas.cluster.client.api import Api
from evonas.cluster.client.resources import (
    CLUSTER_ROLES,
    CONFIG_MAPS,
    CRDS,
    DEPLOYMENTS,
    ROLES,
    WORKLOADS,
    Resource,
)
from evonas.spec import SearchSpec
from evonas.workloads.catalogue import kind_named, option_of

VERBS = frozenset({"get", "list", "watch", "create", "patch", "delete"})
KUEUE, KUEUE_CONFIG = "kueue-system", "kueue-manager-config"
"""Where Kueue is installed, by its own manifests and its chart's instructions, and what says which kinds it admits."""


@dataclass(frozen=True)
class Controller:
    """What runs the objects of a kind."""

    name: str
    labels: tuple[str, ...]
    """The names that its manifests and its chart label it with."""


@dataclass(frozen=True)
class Engine:
    """What must be installed for a kind."""

    controllers: tuple[Controller, ...]
    install: str
    """The command for the version that our tests run."""
    integration: str
    """What Kueue calls the kind."""


_JOBSET = Controller("JobSet", ("jobset",))
ENGINES = {
    "JobSet": Engine(
        (_JOBSET,),
        "kubectl apply --server-side -f"
        " https://github.com/kubernetes-sigs/jobset/releases/download/v0.11.1/manifests.yaml",
        "jobset.x-k8s.io/jobset",
    ),
    "TrainJob": Engine(
        (Controller("Kubeflow Trainer", ("trainer", "kubeflow-trainer")), _JOBSET),
        "kubectl apply --server-side -k 'https://github.com/kubeflow/trainer.git/manifests/overlays/manager?ref=v2.0.0'",
        "trainer.kubeflow.org/trainjob",
    ),
    "RayJob": Engine(
        (Controller("KubeRay", ("kuberay", "kuberay-operator")),),
        "helm install kuberay-operator kuberay-operator"
        " --repo https://ray-project.github.io/kuberay-helm --version 1.5.0",
        "ray.io/rayjob",
    ),
}
"""By the kind's name."""


@dataclass(frozen=True)
class Need:
    """A kind of workload that unfinished searches ask for."""

    kind: str
    searches: tuple[str, ...]
    queued: tuple[str, ...] = ()
    """Those of the searches that wait in a queue of Kueue."""

    def __str__(self) -> str:
        return f"{', '.join(self.searches)} {'asks' if len(self.searches) == 1 else 'ask'} for it"


def needs_of(searches: Iterable[tuple[SearchSpec, str]]) -> list[Need]:
    """Return the kinds that searches ask for; each search comes with its queue, which may be empty."""
    wanted: dict[str, list[tuple[str, str]]] = {}
    for spec, queue in searches:
        if spec.trial.workload is not None and spec.trial.workload.kind.name in WORKLOADS:
            wanted.setdefault(spec.trial.workload.kind.name, []).append((spec.name, queue))
    return [
        Need(kind, tuple(name for name, _ in pairs), tuple(name for name, queue in pairs if queue))
        for kind, pairs in sorted(wanted.items())
    ]


async def check_workloads(
    api: Api, found: list[Installation] | Finding, policies: str, namespace: str, needs: Sequence[Need]
) -> list[Finding]:
    """Check each kind that an operator of the namespace runs, and each that a search asks for.

    ``policies`` is the text of the admission policies that cover the namespace.
    """
    serving = [] if isinstance(found, Finding) else [item for item in found if item.serves(namespace)]
    by_kind = {need.kind: need for need in needs}
    enabled = {kind for item in serving for kind in item.workloads or ()}
    kinds = [kind for kind in WORKLOADS if kind in enabled | by_kind.keys()]
    findings: list[Finding] = []
    for kind in kinds:
        need = by_kind.get(kind)
        findings += [_not_enabled(item, need) for item in serving if need and not item.may_run(kind)]
        findings.append(await _check_served(api, kind, need))
        releases = [item for item in serving if kind in (item.workloads or ())]
        findings += [await _check_rights(api, item, kind, namespace) for item in releases]
        findings += await _check_controllers(api, kind, releases, policies)
        if need is not None and need.queued:
            findings += await _check_kueue(api, kind, need)
    return findings


def _not_enabled(installation: Installation, need: Need) -> Finding:
    cure = upgrade(installation, f"--set {option_of(need.kind)}.enabled=true")
    message = f"{installation} does not run them, and {need}"
    return Finding(f"kind {need.kind}", Verdict.BAD, message, cure or f"evonas operator --workload {need.kind}")


async def _check_served(api: Api, kind: str, need: Need | None) -> Finding:
    resource = WORKLOADS[kind]
    subject = f"{resource.plural}.{resource.group}"
    crd = await look(api.get(CRDS, None, subject), subject)
    if isinstance(crd, Finding):
        return crd
    lack = Verdict.WARNING if need is None else Verdict.BAD
    suffix = "" if need is None else f", and {need}"
    cure = ENGINES[kind].install
    if crd is None:
        message = f"the cluster does not know this kind: {kind_named(kind).engine} is not installed{suffix}"
        return Finding(subject, lack, message, cure)
    served = [version["name"] for version in crd["spec"]["versions"] if version["served"]]
    if resource.version not in served:
        message = f"served as {', '.join(served) or 'nothing'}, and trials are made as {resource.version}{suffix}"
        return Finding(subject, lack, message, cure)
    return Finding(subject, Verdict.GOOD, f"served as {resource.version}")


async def _check_rights(api: Api, installation: Installation, kind: str, namespace: str) -> Finding:
    name, resource = f"{installation.name}-workloads", WORKLOADS[kind]
    subject = f"role {name}: {resource.plural}"
    where, role_kind = (namespace, ROLES) if installation.watched else (None, CLUSTER_ROLES)
    role = await look(api.get(role_kind, where, name), subject)
    if isinstance(role, Finding):
        return role
    lacking = sorted(VERBS - (_granted(role, resource) if role else set()))
    if lacking:
        message = f"{installation} runs them and may not {', '.join(lacking)} them"
        cure = upgrade(installation, f"--set {option_of(kind)}.enabled=true")
        return Finding(subject, Verdict.BAD, message, cure)
    return Finding(subject, Verdict.GOOD, f"{installation} may make them")


def _granted(role: Mapping[str, Any], resource: Resource) -> set[str]:
    return {
        verb
        for rule in role.get("rules") or ()
        if resource.group in rule.get("apiGroups", ()) and resource.plural in rule.get("resources", ())
        for verb in rule["verbs"]
    }


async def _check_controllers(api: Api, kind: str, releases: Sequence[Installation], policies: str) -> list[Finding]:
    findings = []
    for controller in ENGINES[kind].controllers:
        subject = f"controller of {kind}s: {controller.name}"
        deployments = await look(
            all_of(api, DEPLOYMENTS, None, f"{NAME_LABEL} in ({','.join(controller.labels)})"), subject
        )
        if isinstance(deployments, Finding):
            findings.append(deployments)
            continue
        if not deployments:
            message = f"no Deployment has a label {NAME_LABEL}={controller.labels[0]}: it may run otherwise"
            findings.append(Finding(subject, Verdict.UNKNOWN, message))
        findings += [_judge_controller(subject, body) for body in deployments or ()]
        if policies and releases:
            accounts = sorted({_account(body) for body in deployments or ()})
            unknown = [account for account in accounts if json.dumps(account) not in policies]
            findings += [_unknown_account(subject, kind, unknown, releases)] if unknown else []
    return findings


def _judge_controller(subject: str, body: Mapping[str, Any]) -> Finding:
    place = f"{body['metadata']['namespace']}/{body['metadata']['name']}"
    if not (body.get("status") or {}).get("availableReplicas"):
        cure = f"kubectl -n {body['metadata']['namespace']} describe deployment {body['metadata']['name']}"
        return Finding(subject, Verdict.WARNING, f"{place} has no replica that is available: trials wait", cure)
    return Finding(subject, Verdict.GOOD, f"{place} runs")


def _account(body: Mapping[str, Any]) -> str:
    name = body["spec"]["template"]["spec"].get("serviceAccountName", "default")
    return f"system:serviceaccount:{body['metadata']['namespace']}:{name}"


def _unknown_account(subject: str, kind: str, accounts: Sequence[str], releases: Sequence[Installation]) -> Finding:
    message = f"the admission policies do not let {', '.join(accounts)} make what trials consist of"
    setting = f"--set-json '{option_of(kind)}.controllers={json.dumps(list(accounts))}'"
    return Finding(subject, Verdict.WARNING, message, upgrade(releases[0], setting))


async def _check_kueue(api: Api, kind: str, need: Need) -> list[Finding]:
    """Look whether Kueue admits the kind, as far as its configuration can be read."""
    subject = f"Kueue's integration of {kind}s"
    config = await look(api.get(CONFIG_MAPS, KUEUE, KUEUE_CONFIG), subject)
    if isinstance(config, Finding):
        return [config]
    frameworks = None if config is None else read_frameworks(config)
    if frameworks is None:
        message = f"{KUEUE}/{KUEUE_CONFIG} does not say which kinds it admits"
        return [Finding(subject, Verdict.UNKNOWN, message)]
    wanted = ENGINES[kind].integration
    if wanted not in frameworks:
        message = f"{wanted} is not among its frameworks: trials of {', '.join(need.queued)} would wait forever"
        cure = (
            f"kubectl -n {KUEUE} edit configmap {KUEUE_CONFIG} && kubectl -n {KUEUE} rollout restart deployment"
            " kueue-controller-manager"
        )
        return [Finding(subject, Verdict.WARNING, message, cure)]
    return [Finding(subject, Verdict.GOOD, f"{wanted} is among its frameworks")]


def read_frameworks(config: Mapping[str, Any]) -> list[str] | None:
    """Return the kinds that a configuration of Kueue names; None if it names none."""
    for text in (config.get("data") or {}).values():
        try:
            parsed = yaml.safe_load(text)
        except yaml.YAMLError:
            continue
        integrations = parsed.get("integrations") if isinstance(parsed, dict) else None
        if isinstance(integrations, dict) and isinstance(integrations.get("frameworks"), list):
            return [str(name) for name in integrations["frameworks"]]
    return None
