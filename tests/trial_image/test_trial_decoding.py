"""Image files on their way to a batch: the same bytes from each decoder, the same view of an image of any size, and one
clear line for what is no image."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2.functional import center_crop, pil_to_tensor

from evonas_trial.data.decoding import decoded, is_exactly, larger, squared
from evonas_trial.data.images import Files, Normalization
from evonas_trial.training import batches
from evonas_trial.training.hardware import Hardware
from tests.trial_image import files
from tests.trial_image.conftest import RunTrial

CPU = Hardware(torch.device("cpu"))
AS_READ = Normalization((0.0,) * 3, (1.0,) * 3)


def smooth(width: int, height: int, seed: int = 0) -> Image.Image:
    """What a photo has and noise has not: neighbours that are alike."""
    noise = numpy.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=numpy.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def seen(path: Path, side: int, augmentation: str | None = None, workers: int = 0) -> Tensor:
    """The image of a file as a batch shows it, in an evaluation or with an augmentation."""
    part = Files([path], torch.tensor([0]))
    made = batches.make(
        part, AS_READ, CPU, batch_size=1, seed=0, augmentation=augmentation or "none", side=side, workers=workers
    )
    images, _ = made.made(*next(made.shuffled(0, 0) if augmentation else made.ordered()))
    return images[0]


@pytest.mark.parametrize(
    ("mode", "ending", "how"),
    [
        ("RGB", "jpg", {}),
        ("RGB", "jpg", {"progressive": True}),
        ("RGB", "jpg", {"subsampling": 0, "quality": 95}),
        ("L", "jpg", {}),
        ("CMYK", "jpg", {}),
        ("P", "png", {}),
        ("RGBA", "png", {}),
        ("LA", "png", {}),
        ("RGB", "webp", {"lossless": True}),
        ("RGB", "bmp", {}),
    ],
)
def test_every_file_is_decoded_to_the_bytes_that_pil_has_for_it(
    tmp_path: Path, mode: str, ending: str, how: dict[str, Any]
) -> None:
    path = tmp_path / f"image.{ending}"
    smooth(53, 41).convert(mode).save(path, **how)
    with Image.open(path) as file:
        assert torch.equal(decoded(path), pil_to_tensor(file.convert("RGB")))


def test_the_content_says_what_a_file_is_not_its_name(tmp_path: Path) -> None:
    # As one of ImageNet's 1.2 million is.
    path = tmp_path / "png.jpeg"
    smooth(20, 20).save(path, "PNG")
    assert torch.equal(decoded(path), pil_to_tensor(smooth(20, 20)))


@given(st.integers(4, 60), st.integers(4, 60), st.integers(4, 40))
def test_an_evaluation_sees_the_centre_of_the_scaled_image(width: int, height: int, side: int) -> None:
    image = pil_to_tensor(smooth(width, height))
    square = squared(image, side)
    assert square.shape == (3, larger(side), larger(side))
    if (width, height) == (side, side):
        assert torch.equal(center_crop(square, [side, side]), image)


@pytest.mark.parametrize(("width", "height"), [(500, 375), (375, 500), (301, 300)])
def test_an_evaluation_sees_what_published_figures_are_measured_on(tmp_path: Path, width: int, height: int) -> None:
    image = smooth(width, height)
    image.save(tmp_path / "image.png")
    published = v2.Compose([v2.Resize(256), v2.CenterCrop(224), v2.PILToTensor()])(image)
    # PIL rounds some bytes differently when it scales.
    assert (seen(tmp_path / "image.png", 224) - published).abs().max() <= 1


def test_images_that_have_the_right_size_are_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    smooth(32, 32).save(path)
    original = pil_to_tensor(smooth(32, 32)).float()
    assert is_exactly(path, 32)
    assert not is_exactly(path, 31)
    assert torch.equal(seen(path, 32), original)
    assert torch.equal(seen(path, 32, "none"), original)
    assert any(torch.equal(seen(path, 32, "flip"), image) for image in (original, original.flip(2)))
    # A crop is one of the image with an eighth of its side around it, as of images in memory.
    windows = torch.nn.functional.pad(original, (4,) * 4).unfold(1, 32, 1).unfold(2, 32, 1)
    crop = seen(path, 32, "crop")[:, None, None]
    assert (windows == crop).all(-1).all(-1).all(0).any()


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("damage", ["no image", "half of one", "gone"])
def test_a_file_that_is_no_image_is_named_in_one_line_with_the_cure(
    run_trial: RunTrial, tmp_path: Path, workers: str, damage: str
) -> None:
    folder = tmp_path / "images"
    files.write_image_folder(folder)
    path = folder / "train" / "cat" / "3.jpg"
    content = io.BytesIO()
    smooth(60, 60).save(content, "JPEG")
    match damage:
        case "no image":
            path.write_text("not found")
        case "half of one":
            path.write_bytes(content.getvalue()[:500])
        case _:
            path.symlink_to("nowhere")
    arguments = ["--dataset", "folder", "--data", str(folder), "--classes", "2", "--image-size", "16"]
    arguments += ["--validation-share", "0.2", "--batch-size", "5", "--epochs", "1", "--workers", workers]
    ended = run_trial("evonas_trial.mlp", {}, *arguments)
    assert (ended.exit_code, ended.report) == (1, None)
    assert ended.errors.startswith(f"evonas: {path} cannot be read as an image (")
    assert ended.errors.endswith("): replace it, or remove it from its folder\n")
    assert ended.errors.count("\n") == 1
