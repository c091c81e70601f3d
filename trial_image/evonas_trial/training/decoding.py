"""Image files decoded one at a time, in the workers of ``batches``."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.data import Dataset

from evonas_trial.data.images import Files


class ImageFiles(Dataset[tuple[Tensor, Tensor]]):
    """One file at a time, in a worker; an index comes with the seed of its random changes."""

    def __init__(self, part: Files, side: int, change: str) -> None:
        # Imported here: it takes seconds, and only files need it.
        from torchvision.transforms import v2  # noqa: PLC0415

        self._part = part
        steps: list[torch.nn.Module] = (
            [v2.RandomResizedCrop(side)]
            if change.startswith("crop")
            # As published ImageNet figures are measured: the centre of an image that is an eighth larger.
            else [v2.Resize(round(side * 8 / 7)), v2.CenterCrop(side)]
        )
        if change.endswith("flip"):
            steps.append(v2.RandomHorizontalFlip())
        self._change = v2.Compose([*steps, v2.PILToTensor()])

    def __getitem__(self, item: tuple[int, int]) -> tuple[Tensor, Tensor]:
        from PIL import Image  # noqa: PLC0415

        index, seed = item
        with Image.open(self._part.paths[index]) as file:
            image = file.convert("RGB")
        # Not torch.manual_seed, which is slow: see Hardware.seed.
        torch.default_generator.manual_seed(seed)
        return self._change(image), self._part.labels[index]
