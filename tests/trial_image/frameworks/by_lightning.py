"""Lightning's loop. ``TRAINER`` names the package, since there are two of the same."""

from __future__ import annotations

import importlib
import os
from typing import Any

import torch
from torch.utils.data import DataLoader

from evonas_trial.callbacks.lightning import SearchCallback
from tests.trial_image.frameworks import candidate

pl: Any = importlib.import_module(os.environ.get("TRAINER", "lightning.pytorch"))


class Line(pl.LightningModule):  # type: ignore[misc]
    """One weight."""

    def __init__(self, learning_rate: float) -> None:
        super().__init__()
        self.weight = torch.nn.Linear(1, 1, bias=False)
        self.learning_rate = learning_rate

    def training_step(self, batch: Any, _: int) -> Any:
        loss = torch.nn.functional.mse_loss(self.weight(batch[0]), batch[1])
        self.log("train_loss", loss, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, _: int) -> None:
        self.log("val_loss", torch.nn.functional.mse_loss(self.weight(batch[0]), batch[1]))

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), self.learning_rate)


def main() -> None:
    """Train."""
    learning_rate, epochs, metric, folder = candidate.read()
    loader = DataLoader(candidate.data(), batch_size=8)
    kept = folder / "last.ckpt"
    checkpoint = pl.callbacks.ModelCheckpoint(folder, save_last=True, save_top_k=0)
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=[SearchCallback(metric or "val_loss"), checkpoint],
        default_root_dir=folder,
        enable_model_summary=False,
        enable_progress_bar=False,
        logger=False,
    )
    trainer.fit(Line(learning_rate), loader, loader, ckpt_path=str(kept) if kept.exists() else None)


if __name__ == "__main__":
    main()
