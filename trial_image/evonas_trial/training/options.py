"""The options of a training program other than decisions: data, device, files."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from evonas_trial.data import catalogue
from evonas_trial.data.catalogue import DataSet
from evonas_trial.decisions import Decision, parse_option
from evonas_trial.training.choosing import AUTO


def parser(
    program: str, summary: str, shown: Sequence[Decision], hidden: Iterable[Decision]
) -> argparse.ArgumentParser:
    """Return the parser; ``hidden`` decisions have options like all others, but would clutter the help."""
    made = argparse.ArgumentParser(
        prog=f"python -m evonas_trial {program}", usage="%(prog)s [options]", description=summary
    )
    decisions = made.add_argument_group("decisions", "fixed here, or left to the search")
    for item in shown:
        default = "" if item.default is None else f" (default {json.dumps(item.default)})"
        help = f"{item.meaning}: {item.wanted}{default}"
        decisions.add_argument(item.option, type=parse_option, metavar="VALUE", help=help)
    for item in hidden:
        decisions.add_argument(item.option, type=parse_option, help=argparse.SUPPRESS)
    _add_data(made.add_argument_group("data"))
    _add_training(made.add_argument_group("training"))
    _add_gpu(made.add_argument_group("on a GPU", "auto follows from resolution, batch, network and length"))
    _add_winner(made.add_argument_group("a search's winner"))
    return made


def data_set(options: argparse.Namespace) -> DataSet:
    """Return the chosen data set; raises ValueError if its shape is not given."""
    if options.cache is not None and options.dataset != catalogue.FOLDER:
        raise ValueError(f"--cache is for --dataset folder; {options.dataset} needs no decoding: leave --cache out")
    if options.dataset == catalogue.FOLDER:
        if options.classes is None:
            raise ValueError("--dataset folder needs --classes, the number of folders in train/")
        return catalogue.folder(options.image_size, options.classes)
    if options.classes is not None:
        raise ValueError(f"--classes is for --dataset folder; {options.dataset} has as many classes as it has")
    return catalogue.known(options.dataset)


def _add_data(group: Any) -> None:
    add = group.add_argument
    add("--dataset", choices=catalogue.NAMES, default="digits", help="what to train on (default digits)")
    add("--data", metavar="DIR", help="folder of the data set's files; by default EVONAS_DATA, then known places")
    add("--classes", type=_positive, metavar="COUNT", help="of --dataset folder: how many classes it has")
    add("--image-size", type=_positive, default=224, metavar="PIXELS", help="of --dataset folder: side (default 224)")
    add("--cache", type=_folder, metavar="DIR", help="of --dataset folder: a volume that keeps its images decoded")
    add("--split-seed", type=int, default=0, metavar="SEED", help="of training and validation; the trials' (default 0)")
    add("--validation-share", type=_share, metavar="SHARE", help="of each class; by default the data set's own")
    add("--limit", type=_positive, metavar="COUNT", help="train on so many images only, all classes in proportion")


def _add_training(group: Any) -> None:
    add = group.add_argument
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: a GPU where there is one")
    add("--threads", type=_positive, default=1, metavar="COUNT", help="CPU threads (default 1)")
    add("--workers", type=_not_negative, default=2, metavar="COUNT", help="processes that decode files (default 2)")
    add("--latency-batch-size", type=_positive, default=1, metavar="COUNT", help="of the timed inference (default 1)")
    add("--checkpoint-dir", type=Path, metavar="DIR", help="a volume, from which another attempt goes on")
    add("--pretrained", type=Path, metavar="FILE", help="safetensors, for initialize_with_pretrained")
    add("--dry-run", action="store_true", help="print parameters and multiply_adds as JSON, and train nothing")


def _add_gpu(group: Any) -> None:
    def add(option: str, *choices: str, help: str) -> None:
        group.add_argument(option, choices=(AUTO, *choices), default=AUTO, help=help)

    add("--layout", "channels-last", "channels-first", help="of images in memory (default auto)")
    add("--precision", "bfloat16", "float32", help="of products; weights are float32 (default auto)")
    add("--algorithm-search", "on", "off", help="cuDNN compares its algorithms at the start (default auto)")
    add("--graph", "on", "off", help="replay a step as one CUDA graph (default auto)")
    group.add_argument(
        "--compile", action="store_true", help="compile the network by torch.compile: a minute at the start"
    )


def _add_winner(group: Any) -> None:
    add = group.add_argument
    add("--decisions", type=Path, metavar="FILE", help="the candidate as JSON, such as a local run's best.json")
    add("--final", action="store_true", help="train on training and validation images, then score the test images once")
    add("--final-epochs", type=_positive, metavar="COUNT", help="of --final (default: 3 times the candidate's)")
    add("--export", type=Path, metavar="DIR", help="of --final: where to write weights, program and model card")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a positive whole number, got {text!r}")
    return int(text)


def _not_negative(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number not below 0, got {text!r}")
    return int(text)


def _folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("must name a folder, got nothing")
    return Path(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"must be between 0 and 1, got {text!r}")
    return value
