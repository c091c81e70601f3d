"""What a search is: the typed, validated, frozen form of an ArchitectureSearch manifest.

Pure; above ``space`` and ``schema``, below everything that acts. The operator and the local run both use
``SearchSpec.parse``, so both refuse the same manifests with the same messages.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any, Literal

from evonas.errors import FieldProblem, InvalidManifest
from evonas.fidelity import Fidelity, fidelity_problems
from evonas.gpus import GpuAccounting, count_gpus, gpu_problems
from evonas.hints import did_you_mean
from evonas.log_report import LogReport, log_report_problems
from evonas.schema import check_and_default
from evonas.space import SearchSpace, Value
from evonas.workloads.interface import Workload
from evonas.workloads.parsing import gpus_of, parse_workload, workload_problems

GROUP, VERSION = "evonas.dev", "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

_GRACE_SECONDS = 30
"""Kubernetes' default."""

MAX_NAME_LENGTH = 40
"""Leaves room for the search's hash, the index and the attempt in a Job's name of 63 characters."""


@dataclass(frozen=True)
class Constraint:
    """A constraint on a metric other than the objective's: soft (target and exponent) or hard (max)."""

    metric: str
    target: float | None = None
    exponent: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Objective:
    """What is optimised in the reported results."""

    metric: str | None
    """Key of the reported metrics; None for the reported reward itself, which only a single objective may be."""
    minimize: bool
    target: float | None
    """The search ends with the first trial that reaches the targets of all objectives that have one, and is no worse
    than a reference."""
    constraints: tuple[Constraint, ...]
    """Soft ones change this objective's value; hard ones rule a trial out, whichever objective they belong to."""
    reference: float | None = None
    """The worst value that is worth anything, where there are several objectives; None: the worst one so far."""

    @property
    def name(self) -> str:
        """What people call its value: the metric, or ``reward``."""
        return self.metric or "reward"

    @property
    def title(self) -> str:
        """The same for a table, where the metric may be shown, too: soft constraints make its value another."""
        is_soft = any(constraint.exponent is not None for constraint in self.constraints)
        return f"weighted {self.name}" if is_soft else self.name


@dataclass(frozen=True)
class AgentSpec:
    """Which agent proposes, and how."""

    type: str
    seed: int
    settings: Mapping[str, Any]
    """The manifest's ``spec.agent`` without type and seed, as ``create_agent`` takes it."""


@dataclass(frozen=True)
class Budget:
    """Limits of the search; None if unlimited."""

    max_trials: int
    parallel_trials: int
    max_failed_trials: int
    max_gpu_hours: float | None
    max_seconds: int | None


@dataclass(frozen=True)
class TrialSpec:
    """How one candidate is trained."""

    template: Mapping[str, Any]
    """The pod template; of a workload's, that of the pod that reports."""
    container: str
    """Name of the container that trains and reports."""
    retries: int
    timeout_seconds: int
    start_timeout_seconds: int
    ttl_seconds_after_finished: int
    ttl_seconds_after_failed: int
    gpus: Fraction
    """GPUs that one attempt takes; shares of one are exact."""
    report: LogReport | None = None
    """How its result is found in its output; None if it reports by itself (docs/trial-contract.md)."""
    workload: Workload | None = None
    """What makes its pods; None if there is only the one of ``template``, in a Job."""
    group_gpus: Mapping[str, Fraction] = field(default_factory=dict)
    """GPUs that each pod of a workload takes, by its group."""
    accounting: GpuAccounting = field(default_factory=GpuAccounting)
    """How GPUs are counted."""

    @property
    def container_field(self) -> str:
        """Where the trial's own container is in the manifest."""
        if self.workload is not None:
            return self.workload.reporting_group.container_field(self.container)
        return f"spec.trial.template.spec.containers[{self.container_position}]"

    @property
    def exit_grace(self) -> timedelta:
        """How long other containers may continue after the trial's own has ended: the pod's termination grace
        period."""
        seconds = self.template["spec"].get("terminationGracePeriodSeconds")
        # The template is kept as written: only the API server checks its form.
        return timedelta(seconds=seconds if isinstance(seconds, int) else _GRACE_SECONDS)

    @property
    def attempt_seconds(self) -> int:
        """How long one attempt may take: ``timeoutSeconds``, or the template's limit if that is less."""
        own: int = self.template["spec"].get("activeDeadlineSeconds", self.timeout_seconds)
        return min(own, self.timeout_seconds)

    @property
    def worst_gpu_seconds(self) -> int:
        """What an attempt costs if it uses all of its time; no attempt is charged more. The time of a workload begins
        once all of its pods run.
        """
        starting = 0 if self.workload is None else self.start_timeout_seconds
        return math.ceil(self.gpus * (starting + self.attempt_seconds))

    @property
    def containers(self) -> list[Mapping[str, Any]]:
        """The template's containers."""
        containers: list[Mapping[str, Any]] = self.template["spec"]["containers"]
        return containers

    @property
    def container_position(self) -> int:
        """Position of the trial's own container among them."""
        return [container["name"] for container in self.containers].index(self.container)


@dataclass(frozen=True)
class Confirm:
    """How the leaders are trained again once the search has ended."""

    top: int
    repeats: int

    @property
    def runs(self) -> int:
        """How many trials that takes."""
        return self.top * self.repeats


class Reach(StrEnum):
    """Whose results a search reuses for candidates that it would otherwise run."""

    NEVER = "Never"
    NAMESPACE = "Namespace"
    """Those of all searches in the namespace; for a local run, of all runs in the same folder."""


@dataclass(frozen=True)
class ConfigMapKey:
    """A file in a ConfigMap."""

    name: str
    key: str


@dataclass(frozen=True)
class WarmStart:
    """What a search starts with that its agent did not propose."""

    search: str | None = None
    """Another search whose results are imported."""
    config_map: ConfigMapKey | None = None
    """An export file whose results are imported."""
    candidates: tuple[Mapping[str, Value], ...] = ()
    """Candidates to try before the agent proposes more, in this order."""

    @property
    def imports(self) -> bool:
        """Return whether results are imported from elsewhere."""
        return self.search is not None or self.config_map is not None


@dataclass(frozen=True)
class EarlierSearches:
    """Whose results a search's agent learns from before its first proposal."""

    searches: tuple[str, ...] = ()
    """Names of searches."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that select more of them; none select nothing."""
    config_maps: tuple[ConfigMapKey, ...] = ()
    """Export files."""


@dataclass(frozen=True)
class SearchSpec:
    """One search, as its manifest declares it."""

    name: str
    space: SearchSpace
    objectives: tuple[Objective, ...]
    """One, or two to four."""
    agent: AgentSpec
    budget: Budget
    trial: TrialSpec
    confirm: Confirm | None
    suspend: bool
    on_complete: Literal["Drain", "Cancel"]
    """What happens to running trials when the search ends early."""
    ttl_seconds_after_finished: int | None
    """How long the finished search is kept; None for no limit."""
    warm_start: WarmStart = field(default_factory=WarmStart)
    reuse_results: Reach = Reach.NEVER
    fidelity: Fidelity | None = None
    """Where trials are compared and stopped early; None if each is trained to its end."""
    knowledge: EarlierSearches | None = None
    """None if the agent starts from nothing."""

    @property
    def objective(self) -> Objective:
        """The only objective, or the first of several: a trial's reward is its value."""
        return self.objectives[0]

    @property
    def has_several(self) -> bool:
        """Whether there are several objectives: the result is a front."""
        return len(self.objectives) > 1

    @property
    def hard_limits(self) -> tuple[Constraint, ...]:
        """The constraints of all objectives that rule a trial out."""
        return tuple(each for one in self.objectives for each in one.constraints if each.maximum is not None)

    @property
    def watched_metrics(self) -> tuple[str, ...]:
        """The metrics that a result needs, each once: those of the objectives, then those of their constraints."""
        objectives = [one.name for one in self.objectives]
        return tuple(
            dict.fromkeys([*objectives, *(each.metric for one in self.objectives for each in one.constraints)])
        )

    @property
    def pauses(self) -> bool:
        """Whether each trial pauses at each rung."""
        return self.fidelity is not None and self.fidelity.pauses

    @classmethod
    def parse(cls, manifest: Mapping[str, Any]) -> SearchSpec:
        """Validate and parse a manifest; raises InvalidManifest with every problem found."""
        defaulted, problems = check_and_default(manifest)
        problems = [*_identity_problems(defaulted), *problems]
        if problems:
            raise InvalidManifest(problems)
        spec = defaulted["spec"]
        problems = [*_rule_problems(spec)]
        try:
            space = SearchSpace.parse(spec["searchSpace"])
        except InvalidManifest as invalid:
            problems = [*problems, *invalid.problems]
        if problems:
            raise InvalidManifest(problems)
        agent = dict(spec["agent"])
        budget, trial = _budget(spec["budget"]), _trial(spec["trial"], GpuAccounting.parse(spec["budget"]))
        confirm = Confirm(**spec["confirm"]) if "confirm" in spec else None
        fidelity = Fidelity.parse(spec["fidelity"]) if "fidelity" in spec else None
        problems = [*_reservation_problems(budget, trial, confirm, fidelity)]
        warm_start = _warm_start(spec.get("warmStart", {}), space, problems)
        if warm_start.search == defaulted["metadata"]["name"]:
            problems.append(FieldProblem("spec.warmStart.search", "must name another search than this one"))
        problems += _knowledge_problems(spec.get("knowledge", {}), defaulted["metadata"]["name"])
        if problems:
            raise InvalidManifest(problems)
        return cls(
            name=defaulted["metadata"]["name"],
            space=space,
            objectives=parse_objectives(spec),
            agent=AgentSpec(type=agent.pop("type"), seed=agent.pop("seed"), settings=agent),
            budget=budget,
            trial=trial,
            confirm=confirm,
            suspend=spec["suspend"],
            on_complete=spec["onComplete"],
            ttl_seconds_after_finished=spec.get("ttlSecondsAfterFinished"),
            warm_start=warm_start,
            reuse_results=Reach(spec["reuseResults"]),
            fidelity=fidelity,
            knowledge=_knowledge(spec["knowledge"]) if "knowledge" in spec else None,
        )


def _identity_problems(manifest: Mapping[str, Any]) -> Iterable[FieldProblem]:
    if manifest.get("apiVersion") != API_VERSION:
        yield FieldProblem("apiVersion", f"must be {API_VERSION}, got {manifest.get('apiVersion')!r}")
    if manifest.get("kind") != "ArchitectureSearch":
        yield FieldProblem("kind", f"must be ArchitectureSearch, got {manifest.get('kind')!r}")
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if not isinstance(name, str) or not name:
        yield FieldProblem("metadata.name", "Required value")
        return
    if len(name) > MAX_NAME_LENGTH:
        yield FieldProblem("metadata.name", f"must be no more than {MAX_NAME_LENGTH} characters, has {len(name)}")
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name):
        yield FieldProblem(
            "metadata.name",
            f"{name!r} must consist of lower case letters, digits and dashes, and begin and end with a letter or digit",
        )


def _rule_problems(spec: Mapping[str, Any]) -> Iterable[FieldProblem]:
    """Check what the CRD states in CEL, except the space's rules, which ``SearchSpace.parse`` checks."""
    budget, trial = spec["budget"], spec["trial"]
    if budget["parallelTrials"] > budget["maxTrials"]:
        yield FieldProblem(
            "spec.budget.parallelTrials",
            f"must be no more than maxTrials ({budget['parallelTrials']} > {budget['maxTrials']})",
        )
    yield from _trial_problems(trial, GpuAccounting.parse(budget))
    yield from log_report_problems(trial.get("report", {}))
    if "fidelity" in spec:
        yield from fidelity_problems(spec["fidelity"])
    yield from _objective_problems(spec)


def _trial_problems(trial: Mapping[str, Any], accounting: GpuAccounting) -> Iterable[FieldProblem]:
    if "template" in trial and "workload" in trial:
        said = "template (a single pod) and workload (several) exclude each other: give one"
        yield FieldProblem("spec.trial.workload", said)
        return
    if "workload" in trial:
        yield from workload_problems(trial["workload"], trial.get("container"), accounting)
        return
    if "template" not in trial:
        yield FieldProblem("spec.trial.template", "Required value: a pod template, or trial.workload for several pods")
        return
    names = [container["name"] for container in trial["template"]["spec"]["containers"]]
    if trial.get("container", names[0]) not in names:
        yield FieldProblem(
            "spec.trial.container",
            f"must name one of the template's containers ({', '.join(names)}), got {trial['container']!r}"
            + did_you_mean(trial["container"], names),
        )
    yield from gpu_problems(trial["template"], accounting, "spec.trial.template")


def _objective_problems(spec: Mapping[str, Any]) -> Iterable[FieldProblem]:
    if "objective" in spec and "objectives" in spec:
        yield FieldProblem("spec.objectives", "objective and objectives exclude each other: give one, or the list")
    yield from _constraint_problems("spec.objective", spec.get("objective", {}))
    if len(spec.get("objectives", ("", ""))) < 2:
        yield FieldProblem("spec.objectives", "needs two or more; a single one is spec.objective")
    metrics = [objective["metric"] for objective in spec.get("objectives", ())]
    for metric in sorted({metric for metric in metrics if metrics.count(metric) > 1}):
        yield FieldProblem("spec.objectives", f"metrics of objectives must be unique, got {metric!r} more than once")
    for position, objective in enumerate(spec.get("objectives", ())):
        yield from _constraint_problems(f"spec.objectives[{position}]", objective)
        yield from _reference_problems(f"spec.objectives[{position}]", objective)
    if "objectives" in spec and spec["trial"].get("report", {}).get("value") == "Best":
        yield FieldProblem(
            "spec.trial.report.value",
            "must be Last with several objectives, whose best values may never have been there at once",
        )
    if "objectives" in spec and "knowledge" in spec:
        yield FieldProblem(
            "spec.knowledge",
            "is for searches with one objective; with several, warmStart.search imports the results of an earlier one",
        )


def _reference_problems(field: str, objective: Mapping[str, Any]) -> Iterable[FieldProblem]:
    target, reference = objective.get("target"), objective.get("reference")
    if target is None or reference is None:
        return
    if target > reference if objective["goal"] == "Minimize" else target < reference:
        yield FieldProblem(
            f"{field}.target",
            f"must be no worse than the reference, beyond which nothing is worth anything, got {target} and "
            f"{reference}",
        )


def _constraint_problems(field: str, objective: Mapping[str, Any]) -> Iterable[FieldProblem]:
    seen: set[str] = set()
    for position, constraint in enumerate(objective.get("constraints", ())):
        if constraint["metric"] in seen:
            yield FieldProblem(f"{field}.constraints[{position}]", f"Duplicate value: {constraint['metric']!r}")
        seen.add(constraint["metric"])


def _reservation_problems(
    budget: Budget, trial: TrialSpec, confirm: Confirm | None, fidelity: Fidelity | None
) -> Iterable[FieldProblem]:
    if budget.max_gpu_hours is None:
        return
    if fidelity is not None and fidelity.pauses:
        hours = len(fidelity.steps) * trial.worst_gpu_seconds / 3600
        if hours > budget.max_gpu_hours:
            yield FieldProblem(
                "spec.budget.maxGPUHours",
                f"must allow one trial to be trained to its end: {len(fidelity.steps)} attempts, one a rung, may "
                f"take {hours:g} GPU hours, more than {budget.max_gpu_hours:g}: raise it, or lower timeoutSeconds",
            )
    if confirm is None:
        return
    hours = confirm.runs * trial.worst_gpu_seconds / 3600
    if hours > budget.max_gpu_hours:
        yield FieldProblem(
            "spec.confirm",
            f"{confirm.runs} confirmations may take {hours:g} GPU hours, more than maxGPUHours "
            f"({budget.max_gpu_hours:g}): raise that, or lower top, repeats or timeoutSeconds",
        )


def _warm_start(warm_start: Mapping[str, Any], space: SearchSpace, problems: list[FieldProblem]) -> WarmStart:
    candidates = []
    for position, candidate in enumerate(warm_start.get("candidates", ())):
        try:
            candidates.append(space.to_candidate(space.to_choices(candidate)))
        except ValueError as error:
            problems.append(FieldProblem(f"spec.warmStart.candidates[{position}]", str(error)))
    config_map = warm_start.get("configMap")
    return WarmStart(
        search=warm_start.get("search"),
        config_map=None if config_map is None else ConfigMapKey(config_map["name"], config_map["key"]),
        candidates=tuple(candidates),
    )


def _knowledge_problems(knowledge: Mapping[str, Any], name: str) -> Iterable[FieldProblem]:
    if name in knowledge.get("searches", ()):
        yield FieldProblem("spec.knowledge.searches", "must name other searches than this one")


def _knowledge(knowledge: Mapping[str, Any]) -> EarlierSearches:
    return EarlierSearches(
        searches=tuple(dict.fromkeys(knowledge.get("searches", ()))),
        labels=knowledge.get("selector", {}).get("matchLabels", {}),
        config_maps=tuple(ConfigMapKey(item["name"], item["key"]) for item in knowledge.get("configMaps", ())),
    )


def parse_objectives(spec: Mapping[str, Any]) -> tuple[Objective, ...]:
    """Return the objectives of a ``spec`` that the schema accepts, with its defaults or without."""
    # The API server keeps a search without either as it is: the reported reward is to be maximised.
    listed = spec.get("objectives") or [spec.get("objective", {})]
    return tuple(map(_objective, listed))


def _objective(objective: Mapping[str, Any]) -> Objective:
    return Objective(
        metric=objective.get("metric"),
        minimize=objective.get("goal") == "Minimize",
        target=objective.get("target"),
        constraints=tuple(
            Constraint(item["metric"], item.get("target"), item.get("exponent"), item.get("max"))
            for item in objective.get("constraints", ())
        ),
        reference=objective.get("reference"),
    )


def _budget(budget: Mapping[str, Any]) -> Budget:
    return Budget(
        max_trials=budget["maxTrials"],
        parallel_trials=budget["parallelTrials"],
        max_failed_trials=budget["maxFailedTrials"],
        max_gpu_hours=budget.get("maxGPUHours"),
        max_seconds=budget.get("maxSeconds"),
    )


def _trial(trial: Mapping[str, Any], accounting: GpuAccounting) -> TrialSpec:
    workload = parse_workload(trial["workload"]) if "workload" in trial else None
    group_gpus: Mapping[str, Fraction] = {}
    if workload is None:
        template, gpus = trial["template"], count_gpus(trial["template"]["spec"], accounting)
        container = trial.get("container", template["spec"]["containers"][0]["name"])
    else:
        template, group_gpus = workload.reporting_group.template, gpus_of(workload, accounting)
        gpus = sum((group.count * group_gpus[group.name] for group in workload.groups), Fraction())
        container = workload.reporting_group.container(trial.get("container"))
    return TrialSpec(
        template=template,
        container=container,
        retries=trial["retries"],
        timeout_seconds=trial["timeoutSeconds"],
        start_timeout_seconds=trial["startTimeoutSeconds"],
        ttl_seconds_after_finished=trial["ttlSecondsAfterFinished"],
        ttl_seconds_after_failed=trial["ttlSecondsAfterFailed"],
        gpus=gpus,
        report=LogReport.parse(trial["report"]) if "report" in trial else None,
        workload=workload,
        group_gpus=group_gpus,
        accounting=accounting,
    )
