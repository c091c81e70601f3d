"""`evonas best`: the decisions of the best candidate, ready for the training that follows the search; or the front."""

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
from evonas.recorded.preference import parse_preference, why_none
from evonas.recorded.preference import prefer as pick
from evonas.recorded.search import RecordedSearch
from evonas.report.console import open_console
from evonas.report.front import confirmed_in_words, describe_front, front_object, front_view, results_in_words
from evonas.search.confirmation import find_winner
from evonas.search.recommendation import in_words, recommend
from evonas.search.trial import Trial
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


_OBJECTS: dict[str, Callable[[Any], str]] = {
    "json": lambda body: json.dumps(body, indent=2) + "\n",
    "yaml": to_yaml,
}


def _trade_off(record: RecordedSearch, metrics: tuple[str, str]) -> list[dict[str, Any]]:
    axes = parse_axes(record.spec.objectives, metrics)
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
    help="env: lines for a shell, as trials see them; pod: the same as env of a pod's container. Default: json; of a"
    " front, a table.",
)
@click.option("--trial", type=click.IntRange(0), help="Print the decisions of the trial with this index instead.")
@click.option(
    "--prefer",
    metavar="RULE",
    help="Which candidate to take: conditions and then one choice, such as accuracy>=0.92,min:latency_ms or, of a"
    " front, knee. Of a search with several objectives, one of the front; of any other, one of all with a result.",
)
@click.option(
    "--pareto",
    nargs=2,
    metavar="METRIC METRIC",
    help="Print all trials that no other beats in these two metrics, as JSON or YAML; METRIC:min or METRIC:max sets the"
    " direction if the search does not.",
)
@cluster_options
@says_what_a_search_is
def best(
    search: str,
    output: str | None,
    trial: int | None,
    prefer: str | None,
    pareto: tuple[str, str] | None,
    cluster: ClusterOptions,
) -> None:
    """Print the decisions of the best candidate of SEARCH: the one that was confirmed, if spec.confirm is set, or that
    is recommended, if rewards are noisy. Of a search with several objectives, print its front; --prefer picks one.
    """
    if pareto and (trial is not None or prefer is not None or output not in (None, *_OBJECTS)):
        raise click.UsageError("--pareto lists trials, with -o json or -o yaml and without --trial and --prefer")
    if prefer is not None and trial is not None:
        raise click.UsageError("--prefer and --trial both say which trial to print: give one")
    rule = None if prefer is None else parse_preference(prefer, f"--prefer {prefer}")
    record = locate(search, cluster).read()
    if pareto:
        click.echo(_OBJECTS[output or "json"](_trade_off(record, pareto)), nl=False)
        return
    if trial is not None:
        found = find_trial(record, trial)
    elif rule is not None:
        found = pick(record, rule)
    elif record.spec.has_several:
        _print_front(record, output)
        return
    else:
        found = _winner(record)
    recommended = recommend(record.spec, record.totals)
    if trial is None and rule is None and recommended is not None and recommended.trial is found:
        said = in_words(recommended)
    else:
        said = f"trial {found.index} with {results_in_words(record, found)}"
        if record.spec.has_several and (again := confirmed_in_words(record, found)):
            said += f"; {again}"
    click.echo(said, err=True)
    click.echo(_FORMATS[output or "json"](record.spec.space.in_order(found.decisions)), nl=False)


def _winner(record: RecordedSearch) -> Trial:
    found = find_winner(record.spec, record.totals)
    if found is None:
        raise EvonasError(why_none(record))
    return found


def _print_front(record: RecordedSearch, output: str | None) -> None:
    if not len(record.totals.front):
        raise EvonasError(why_none(record))
    if output is None:
        open_console().print(front_view(record))
    elif output in _OBJECTS:
        click.echo(_OBJECTS[output](front_object(record)), nl=False)
    else:
        raise EvonasError(
            f"{record.source} has {describe_front(record)}, and -o {output} prints one: say which by --prefer knee, "
            "--prefer RULE or --trial"
        )
