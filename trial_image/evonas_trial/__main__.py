"""``python -m evonas_trial PROGRAM …``: runs one of the shipped programs, each of which is also a separate module."""

from __future__ import annotations

import sys
from importlib import import_module

PROGRAMS = {
    "cnn": ("evonas_trial.cnn.__main__", "convolutional networks in MnasNet's space, on images"),
    "counting": ("evonas_trial.counting", "the synthetic problem: count from 1 to n"),
    "distributed": ("evonas_trial.distributed.__main__", "the network of mlp, trained by several processes together"),
    "mlp": ("evonas_trial.mlp.__main__", "a network of one hidden layer, on images"),
    "nasbench201": ("evonas_trial.nasbench201", "results of 15,625 networks that others trained: milliseconds"),
    "spiking": ("evonas_trial.spiking.__main__", "a network of neurons that spike once, on truth tables and images"),
}


def main() -> None:
    """Run the named program."""
    lines = [f"  {name:12}{meaning}" for name, (_, meaning) in PROGRAMS.items()]
    usage = "\n".join(["usage: python -m evonas_trial PROGRAM [options]", *lines])
    match sys.argv[1:]:
        case [name, *arguments] if name in PROGRAMS:
            import_module(PROGRAMS[name][0]).main(arguments)
        case ["-h" | "--help"]:
            print(usage)
        case _:
            sys.exit(usage)


if __name__ == "__main__":
    main()
