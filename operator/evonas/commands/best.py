"""`evonas best`: the decisions of the best candidate, ready for the training that follows the search."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any

import click

from evonas.commands.searches import cluster_options, says_what_a_search_is
from evonas.errors import EvonasError
from evonas.manifest import to_yaml
from evonas.recorded.pareto import check_reported, parse_axes, trade_off, values
from evonas.recorded.search import RecordedSearch
from evonas.search.confirmation import find_winner
from evonas.search.recommendation import in_words, recommend
from evonas.search.trial_environment import decision_variables, literal_env
from evonas.sources.locate import locate
from evonas.sources.options import ClusterOptions
from evonas.sources.source import find_trial
from evonas.space import Value


def _env(decisions: Mapping[str, Value]) -> str:
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in decision_variables(decisions).items())


def _pod_env(decisions: Mapping[str, Value]) -> str:
    return to_yaml({"env": literal_env(decision_variables(decisions))})


_FORMATS: dict[str, Callable[[Mapping[str, Value]], str]] = {
    "json": lambda decisions: json.dumps(dict(decisions), indent=2) + "\n",
    "yaml": lambda decisions: to_yaml(dict(decisions)),
    "env": _env,
    "pod": _pod_env,
}


_LISTS: dict[str, Callable[[list[dict[str, Any]]], str]] = {
    "json": lambda trials: json.dumps(trials, indent=2) + "\n",
    "yaml": to_yaml,
}


def _front(record: RecordedSearch, metrics: tuple[str, str]) -> list[dict[str, Any]]:
    axes = parse_axes(record.spec.objective, metrics)
    check_reported(record.trials, axes)
    return [
        {
            "trial": trial.index,
            "metrics": dict(zip((axis.metric for axis in axes), values(trial, axes), strict=True)),
            "decisions": record.spec.space.in_order(trial.decisions),
        }
        for trial in trade_off(record.trials, axes).front
    ]


@click.command()
@click.argument("search")
@click.option(
    "--output",
    "-o",
    type=click.Choice(list(_FORMATS)),
    default="json",
    show_default=True,
    help="env: lines for a shell, as trials see them; pod: the same as env of a pod's container.",
)
@click.option("--trial", type=click.IntRange(0), help="Print the decisions of the trial with this index instead.")
@click.option(
    "--pareto",
    nargs=2,
    metavar="METRIC METRIC",
    help="Print all trials that no other beats in these two metrics, as JSON or YAML; METRIC:min or METRIC:max sets the"
    " direction if the search does not.",
)
@cluster_options
@says_what_a_search_is
def best(search: str, output: str, trial: int | None, pareto: tuple[str, str] | None, cluster: ClusterOptions) -> None:
    """Print the decisions of the best candidate of SEARCH: the one that was confirmed, if spec.confirm is set, or that
    is recommended, if rewards are noisy.
    """
    if pareto and (trial is not None or output not in _LISTS):
        raise click.UsageError("--pareto lists trials, with -o json or -o yaml and without --trial")
    record = locate(search, cluster).read()
    if pareto:
        click.echo(_LISTS[output](_front(record, pareto)), nl=False)
        return
    found = find_winner(record.spec, record.totals) if trial is None else find_trial(record, trial)
    if found is None:
        raise EvonasError(f"{record.source} has no trial with a reward yet")
    recommended = recommend(record.spec, record.totals)
    if trial is None and recommended is not None and recommended.trial is found:
        said = in_words(recommended)
    else:
        metric = record.spec.objective.name
        reward = "no reward" if found.reward is None else f"{metric} {found.reward:.6g}"
        said = f"trial {found.index} with {reward}"
    click.echo(said, err=True)
    click.echo(_FORMATS[output](record.spec.space.in_order(found.decisions)), nl=False)
