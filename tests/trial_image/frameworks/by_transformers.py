"""The Trainer of Hugging Face's Transformers, which evaluates once more after its training, as many programs do."""

from __future__ import annotations

from typing import Any

import torch
from transformers import Trainer, TrainingArguments

from evonas_trial.callbacks.transformers import SearchCallback
from tests.trial_image.frameworks import candidate


class Line(torch.nn.Module):
    """One weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Linear(1, 1, bias=False)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, Any]:
        """Return what a Trainer expects."""
        predicted = self.weight(x)
        return {"loss": torch.nn.functional.mse_loss(predicted, labels), "logits": predicted}


def main() -> None:
    """Train."""
    learning_rate, epochs, metric, folder = candidate.read()
    rows = [{"x": x, "labels": y} for x, y in zip(*candidate.data().tensors, strict=True)]
    trainer = Trainer(
        Line(),
        TrainingArguments(
            str(folder),
            num_train_epochs=epochs,
            per_device_train_batch_size=8,
            learning_rate=learning_rate,
            optim="sgd",
            lr_scheduler_type="constant",
            eval_strategy="epoch",
            save_strategy="epoch",
            use_cpu=True,
            disable_tqdm=True,
            report_to=[],
        ),
        train_dataset=rows,
        eval_dataset=rows,
        callbacks=[SearchCallback(metric or "eval_loss")],
    )
    trainer.train(resume_from_checkpoint=any(folder.glob("checkpoint-*")))
    trainer.evaluate()


if __name__ == "__main__":
    main()
