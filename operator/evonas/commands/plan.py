"""`evonas plan`: what a search would do and cost, before anything runs."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path

import click

from evonas.agents import not_installed, parse_agent
from evonas.commands.findings import is_bad, show
from evonas.commands.manifests import read_manifest
from evonas.commands.renamed import RenamingCommand
from evonas.commands.searches import cluster_options
from evonas.fidelity import Fidelity, Rule
from evonas.recorded.forecast import forecast, forecast_steps, pauses_at_most
from evonas.recorded.knowledge_record import why_unused
from evonas.report.console import open_console
from evonas.search.placeholders import find_placeholders
from evonas.search.proposer import Proposer
from evonas.search.table import TrialTable
from evonas.search.trial_environment import check_template
from evonas.sources.locate import readiness_module
from evonas.sources.options import ClusterOptions
from evonas.sources.source import say_on_stderr
from evonas.spec import SearchSpec
from evonas.wording import counted
from evonas.workloads.interface import Workload


@click.command(cls=RenamingCommand, renamed={"--filename": "", "-f": ""})
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--candidates", type=click.IntRange(0), default=3, show_default=True, help="Number of first candidates to show."
)
@click.option(
    "--cluster/--no-cluster",
    "ask_cluster",
    default=True,
    show_default=True,
    help="Whether to check the cluster in which it would run.",
)
@click.option("--operator-namespace", help="Where the operator is installed. Default: it is looked for everywhere.")
@cluster_options
def plan(
    manifest: Path, candidates: int, ask_cluster: bool, operator_namespace: str | None, cluster: ClusterOptions
) -> None:
    """Show the size, first candidates and worst-case cost of the search in MANIFEST, and whether a cluster can run it.

    No pod is created. Exits with 1 if something is missing that the search needs to run.
    """
    body = read_manifest(manifest)
    spec = SearchSpec.parse(body)
    check_template(spec.trial)
    for doubtful in find_placeholders(spec):
        say_on_stderr(str(doubtful))
    bounds = forecast(spec)
    click.echo(f"{spec.name}: {len(spec.space)} decisions, {spec.space.size} candidates, agent {spec.agent.type}")
    if spec.has_several:
        click.echo(_objectives(spec))
    if (workload := spec.trial.workload) is not None:
        click.echo(f"a trial is a {workload.kind.kind} with {_groups(workload)}")
    retried = f"is retried {counted(spec.trial.retries, 'time')}"
    click.echo(
        f"at most {counted(bounds.trials, 'trial')}, {spec.budget.parallel_trials} at a time;"
        f" {counted(bounds.attempts, 'attempt')} if each {_goes_on(spec)}{retried}"
    )
    click.echo(
        f"GPU hours at worst: {bounds.gpu_hours:.2f}{_share(spec.trial.gpus)}{_cap(spec, bounds.uncapped_gpu_hours)}"
    )
    click.echo(f"hours at worst, if pods start at once: {bounds.hours:.2f}")
    if spec.fidelity is not None:
        click.echo(_rungs(spec, spec.fidelity))
    _show_first(spec, min(candidates, bounds.trials))
    if not ask_cluster:
        return
    labels = body["metadata"].get("labels") or {}
    findings = readiness_module().examine(cluster, spec, labels, operator_namespace)
    show(findings, open_console())
    sys.exit(1 if is_bad(findings) else 0)


def _show_first(spec: SearchSpec, count: int) -> None:
    unused = why_unused(spec)
    if spec.knowledge is not None and unused is None:
        click.echo("the first candidates follow from what the agent learns from earlier searches (spec.knowledge)")
        return
    if spec.knowledge is not None:
        click.echo(unused)
    agent = parse_agent(spec.agent.type, spec.agent.settings, len(spec.objectives))
    if missing := not_installed(spec.agent.type, agent):
        # What counts is what is installed where the search will run.
        click.echo(f"the first candidates are not shown: {missing}")
        return
    proposer = Proposer(spec)
    for trial in proposer.propose(proposer.collect(TrialTable()), count):
        click.echo(f"trial {trial.index}: {json.dumps(dict(trial.decisions))}")


def _objectives(spec: SearchSpec) -> str:
    """Say what is optimised at once, and what ends the search or is worth nothing."""
    said = []
    for each in spec.objectives:
        words = f"{'least' if each.minimize else 'most'} {each.name}"
        bounds = {"target": each.target, "reference": each.reference}
        given = [f"{name} {bound:g}" for name, bound in bounds.items() if bound is not None]
        said.append(f"{words} ({', '.join(given)})" if given else words)
    return f"{len(said)} objectives, the result is their front: {', '.join(said)}"


def _groups(workload: Workload) -> str:
    """Say how many pods there are, of what, and which of them reports."""
    pods = counted(workload.pods, "pod")
    groups = [f"{group.name}: {group.count}" for group in workload.groups]
    return pods if len(groups) == 1 else f"{pods} ({', '.join(groups)}), of which {workload.reporter.group} reports"


def _goes_on(spec: SearchSpec) -> str:
    pauses = pauses_at_most(spec)
    return f"goes on from {counted(pauses, 'pause')} and " if pauses else ""


def _rungs(spec: SearchSpec, fidelity: Fidelity) -> str:
    *rungs, last = fidelity.steps
    at = f"rungs at {', '.join(map(str, rungs))} of {last} steps"
    steps = forecast_steps(spec, fidelity)
    if fidelity.rule is Rule.NONE:
        return f"{at}, where results are only recorded: {steps.most} steps of training"
    rule = f"{fidelity.rule} in mode {fidelity.mode}" if fidelity.pauses else fidelity.rule
    return (
        f"{at}, {rule}: {steps.least} to {steps.most} steps of training, about {steps.likely:.0f}"
        f" ({100 * steps.likely / steps.most:.0f} %) if good and bad candidates come in random order"
    )


def _share(gpus: Fraction) -> str:
    return "" if gpus.denominator == 1 else f", at {gpus} GPU a trial"


def _cap(spec: SearchSpec, uncapped: float) -> str:
    if spec.trial.gpus == 0:
        return f" (the {'template' if spec.trial.workload is None else 'workload'} asks for no GPU)"
    if spec.budget.max_gpu_hours is None:
        return " (spec.budget.maxGPUHours is not set)"
    if uncapped <= spec.budget.max_gpu_hours:
        return f" (spec.budget.maxGPUHours is {spec.budget.max_gpu_hours:g})"
    return f" (spec.budget.maxGPUHours; {uncapped:.2f} without it)"
