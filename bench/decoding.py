"""``python -m bench.decoding``: what each decoder takes for images of ImageNet's usual size, and what a cache of
decoded ones costs and saves. The pictures are made up, smooth as photos are, or a folder that ``--data`` names.
"""

from __future__ import annotations

import io
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from simplejpeg import decode_jpeg
from torch import Tensor
from torchvision.io import ImageReadMode
from torchvision.io import decode_jpeg as torchvisions
from torchvision.transforms import v2

from evonas_trial.data import catalogue
from evonas_trial.data.cache import Cache
from evonas_trial.data.images import Images, Part
from evonas_trial.data.reading import locate
from evonas_trial.training import decoding

Decoder = Callable[[bytes], Tensor | Image.Image]

WIDTH, HEIGHT, QUALITY = 500, 375, 90
CLASSES = 10
BATCH_SIZE = 64


@click.command()
@click.option("--images", default=2000, show_default=True, help="Pictures to make; a tenth more are for the test.")
@click.option("--rounds", default=3, show_default=True, help="Of each decoder; the medians are printed.")
@click.option("--workers", default=2, show_default=True, help="Processes that decode.")
@click.option("--data", type=Path, help="A folder of images instead of made-up ones.")
@click.option("--classes", default=CLASSES, show_default=True, help="Of the folder.")
@click.option("--image-size", default=224, show_default=True, help="What a network sees.")
@click.option("--limit", default=1000, show_default=True, help="Images that the trials train on.")
def main(images: int, rounds: int, workers: int, data: Path | None, classes: int, image_size: int, limit: int) -> None:
    """Measure decoders, a cache, and whole trials."""
    torch.set_num_threads(1)
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = data or _pictures(Path(name) / "pictures", images)
        files = sorted(folder.glob("train/*/*"))[:500]
        console.print(_decoders([path.read_bytes() for path in files], image_size, rounds))
        console.print(_cache(folder, classes, image_size, workers, Path(name) / "cache"))
        console.print(_trials(folder, classes, image_size, workers, limit, Path(name) / "trials"))


def _pictures(folder: Path, count: int) -> Path:
    draw = numpy.random.default_rng(0)
    for part, images in (("train", count), ("val", count // 10)):
        for number in range(images):
            coarse = Image.fromarray(draw.integers(0, 256, (12, 16, 3), dtype=numpy.uint8))
            smooth = numpy.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
            grained = numpy.clip(smooth + draw.normal(0, 6, (HEIGHT, WIDTH, 1)), 0, 255).astype(numpy.uint8)
            path = folder / part / f"class{number % CLASSES}" / f"{number}.jpeg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(grained).save(path, quality=QUALITY)
    return folder


def _decoders(contents: Sequence[bytes], side: int, rounds: int) -> Table:
    """Images per second of one process, and by how much a byte differs from PIL's at most."""
    training = v2.Compose([v2.RandomResizedCrop(side), v2.RandomHorizontalFlip(), v2.PILToTensor()])
    evaluation = v2.Compose([v2.Resize(round(side * 8 / 7)), v2.CenterCrop(side), v2.PILToTensor()])
    title = f"images per second of one process, {len(contents)} images, {side} px"
    table = Table("decoder", "decoded", "for training", "for evaluation", "unlike PIL", title=title)
    reference = [_tensor(_pil(content)) for content in contents[:50]]
    for name, decoder in _found().items():
        rates = []
        for change in (_tensor, training, evaluation):
            found = [_rate(decoder, change, contents) for _ in range(rounds)]
            rates.append(statistics.median(found))
        pairs = zip((_tensor(decoder(content)) for content in contents), reference, strict=False)
        same_size = [(one.int(), other.int()) for one, other in pairs if one.shape == other.shape]
        unlike = f"{max(int((one - other).abs().max()) for one, other in same_size)}" if same_size else "smaller"
        table.add_row(name, *(f"{rate:.0f}" for rate in rates), unlike)
    return table


def _rate(decoder: Decoder, change: Callable[[Any], object], contents: Sequence[bytes]) -> float:
    start = time.perf_counter()
    for content in contents:
        change(decoder(content))
    return len(contents) / (time.perf_counter() - start)


def _found() -> dict[str, Decoder]:
    """The decoders, some of them if they are installed."""

    def bytes_of(content: bytes) -> Tensor:
        return torch.frombuffer(bytearray(content), dtype=torch.uint8)

    found: dict[str, Decoder] = {
        "PIL": _pil,
        "PIL with draft": lambda content: _pil(content, draft=True),
        "torchvision": lambda content: torchvisions(bytes_of(content), mode=ImageReadMode.RGB),
        "simplejpeg": lambda content: torch.from_numpy(decode_jpeg(content)).permute(2, 0, 1),
    }
    if find_spec("torchcodec"):
        torchcodecs = import_module("torchcodec.decoders")
        found["TorchCodec"] = lambda content: torchcodecs.decode_jpeg(bytes_of(content))
    return found


def _pil(content: bytes, *, draft: bool = False) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    if draft:
        # To the next size by which libjpeg scales in passing, a half at best, that is large enough for 224 px.
        image.draft("RGB", (256, 256))
    return image.convert("RGB")


def _tensor(image: Tensor | Image.Image) -> Tensor:
    return image if isinstance(image, Tensor) else torch.from_numpy(numpy.array(image)).permute(2, 0, 1)


def _cache(folder: Path, classes: int, side: int, workers: int, place: Path) -> Table:
    """What the first and the second trial wait for, and how many images a second an epoch then has."""

    def development(cache: Cache | None) -> tuple[Part, float]:
        start = time.perf_counter()
        training, _ = locate(catalogue.folder(side, classes), str(folder), cache).development(
            split_seed=0, validation_share=0.1
        )
        return training, time.perf_counter() - start

    cache = Cache(place, workers)
    table = Table("images", "seconds until there", "read per second", title=f"a part, {workers} workers")
    ways = {"by workers": None, "cache, made": cache, "cache, read": cache}
    for name, given in ways.items():
        part, seconds = development(given)
        start = time.perf_counter()
        count = sum(len(pixels) for pixels in _read(part, side, workers))
        rate = count / (time.perf_counter() - start)
        table.add_row(f"{len(part)}, {name}", f"{seconds:.2f}", f"{rate:.0f}")
    return table


def _read(part: Part, side: int, workers: int) -> Iterator[Tensor]:
    """Yield the bytes of an epoch's batches, before they are changed on the device."""
    order = torch.split(torch.randperm(len(part)), BATCH_SIZE)
    if isinstance(part, Images):
        for chosen in order:
            yield part.chosen(chosen).pixels
    else:
        seeded = [[(index, index) for index in chosen.tolist()] for chosen in order]
        for pixels, _ in decoding.batches(part, seeded, side, "crop_flip", workers, pin_memory=False):
            yield pixels


def _trials(folder: Path, classes: int, side: int, workers: int, limit: int, place: Path) -> Table:
    """Seconds from the start of a process to its report."""
    words = ["--dataset", "folder", "--data", str(folder), "--classes", str(classes), "--image-size", str(side)]
    words += [
        "--limit",
        str(limit),
        "--epochs",
        "1",
        "--batch-size",
        "64",
        "--validation-share",
        "0.1",
        "--workers",
        str(workers),
    ]
    words += ["--blocks", "2", "--stem-stride", "2", "--augmentation", "crop_flip"]
    environment = os.environ | {"EVONAS_DECISIONS": "{}", "EVONAS_SEED": "0"}
    table = Table("a trial of one epoch", "seconds", "CPU seconds", title=f"{limit} images, one thread")
    for name, more in {"by workers": [], "cache, made": [place], "cache, read": [place]}.items():
        cached = ["--cache", str(more[0])] if more else []
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "evonas_trial", "cnn", *words, *cached]
        subprocess.run(command, env=environment, capture_output=True, check=True)
        seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        table.add_row(name, f"{seconds:.1f}", f"{used:.1f}")
    shutil.rmtree(place)
    return table


if __name__ == "__main__":
    main()
