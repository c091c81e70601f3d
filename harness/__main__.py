"""``python -m harness``: start, look at and end a test cluster by hand."""

from __future__ import annotations

import argparse
import sys

from harness import images, lifecycle, processes, state
from harness.errors import ClusterError
from harness.state import Options


def main() -> int:
    """Run one command; an error of the harness is one line, not a traceback."""
    arguments = _parser().parse_args()
    try:
        _COMMANDS[arguments.command](arguments)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {
        "prepare": "build what `up` needs: minutes the first time, nothing later",
        "up": "start a cluster and return when it is ready",
        "down": "end everything that `up` started",
        "status": "list the cluster's processes and their health",
        "env": "print the shell lines that point kubectl at the cluster",
        "images": "build the images and import them into the cluster's node",
    }
    parsers = {name: commands.add_parser(name, help=text) for name, text in helps.items()}
    for command in parsers.values():
        command.add_argument("--name", default="default", help="which cluster; several run side by side")
    for name in ("prepare", "up"):
        parsers[name].add_argument("--tier", choices=state.TIERS, default="control-plane")
        parsers[name].add_argument(
            "--engine", choices=state.ENGINES, action="append", default=[], help="what runs beside the tier; repeatable"
        )
    up = parsers["up"]
    up.add_argument("--fast", action="store_true", help="lift the request limits of the control plane's own clients")
    up.add_argument("--kwok-trial-seconds", type=float, default=Options.kwok_trial_seconds, metavar="SECONDS")
    up.add_argument("--kwok-reward", choices=["template", "none"], default=Options.kwok_reward)
    return parser


def _up(arguments: argparse.Namespace) -> None:
    options = Options(
        arguments.fast,
        arguments.kwok_trial_seconds,
        kwok_reward=arguments.kwok_reward,
        engines=tuple(arguments.engine),
    )
    lifecycle.up(arguments.name, arguments.tier, options, progress=_progress)
    print(f'eval "$(python -m harness env --name {arguments.name})"')


def _down(arguments: argparse.Namespace) -> None:
    lifecycle.down(arguments.name)


def _status(arguments: argparse.Namespace) -> None:
    instance = state.load(arguments.name)
    print(f"{instance.name}: {instance.tier} at {instance.server}, logs in {instance.folder / 'logs'}")
    for component in instance.components.values():
        alive = processes.find(component.process)
        health = "" if not component.health else "healthy" if processes.answers(component.health) else "no answer"
        memory = f"{alive.memory_info().rss >> 20:5d} MB" if alive else ""
        print(f"  {component.name:24} {component.process.pid:8} {'alive' if alive else 'gone':6} {memory:9} {health}")


def _env(arguments: argparse.Namespace) -> None:
    instance = state.load(arguments.name)
    print(f"export KUBECONFIG='{instance.path('admin.kubeconfig')}'")
    print(f"export PATH='{instance.folder / 'bin'}':\"$PATH\"")


def _images(arguments: argparse.Namespace) -> None:
    images.build(_progress)
    images.load(state.load(arguments.name), _progress)


def _prepare(arguments: argparse.Namespace) -> None:
    for name in (arguments.tier, *arguments.engine):
        lifecycle.prepare(name, _progress)


def _progress(line: str) -> None:
    print(line, flush=True)


_COMMANDS = {"prepare": _prepare, "up": _up, "down": _down, "status": _status, "env": _env, "images": _images}

if __name__ == "__main__":
    sys.exit(main())
