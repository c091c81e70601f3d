"""Trains, measures and reports one candidate; the effects of ``command``, which use torch."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace

import torch
from torch import nn

from evonas_trial import pausing, report, termination
from evonas_trial.data.cache import Cache
from evonas_trial.data.images import Normalization, Part, joined, normalization
from evonas_trial.data.reading import locate
from evonas_trial.training import batches, export, measures
from evonas_trial.training.batches import Batches
from evonas_trial.training.candidate import Candidate
from evonas_trial.training.checkpoint import Checkpoint
from evonas_trial.training.choosing import Settings, Wishes, Work, choose
from evonas_trial.training.evaluation import Evaluation, Score
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.loop import Diverged, Interrupted, Training

FINAL_EPOCHS_FACTOR = 3
EVALUATION_BATCH_SIZE = 256


def static_metrics(candidate: Candidate, model: nn.Module | None = None) -> dict[str, int]:
    """Return what is known before any data is read, using ``model`` if it is already built."""
    return asdict(measures.static(model or candidate.build(), candidate.data_set.shape))


def run(candidate: Candidate, options: argparse.Namespace) -> None:
    """Train and report; ends the process if the candidate is infeasible or the trial is told to stop."""
    hardware = Hardware.choose(options.device, threads=options.threads, compiled=options.compile)
    torch.manual_seed(candidate.seed)
    checkpoint = _checkpoint(candidate, options)
    metrics: dict[str, float] = {}
    infeasible, paused = None, False
    try:
        model = candidate.build()
        metrics |= static_metrics(candidate, model)
        paused = _Trial(candidate, options, hardware, model, metrics, checkpoint).run()
    except Diverged as diverged:
        infeasible = f"diverged: {diverged}"
    except torch.OutOfMemoryError as error:
        metrics |= {"out_of_memory": 1, "peak_memory_mb": measures.peak_memory_mb(hardware.device)}
        infeasible = f"out of GPU memory with batch_size={candidate.recipe.batch_size}: {error}"
    except Interrupted:
        termination.leave()
    if checkpoint and not paused:
        checkpoint.remove()
    if infeasible:
        report.infeasible(infeasible, metrics)


def _checkpoint(candidate: Candidate, options: argparse.Namespace) -> Checkpoint | None:
    """Return where this very training is saved, if anywhere."""
    if options.checkpoint_dir is None:
        pausing.warn_that_nothing_is_kept()
        return None
    names = ("split_seed", "validation_share", "limit", "final", "final_epochs")
    identity = {
        "program": candidate.program,
        "network": asdict(candidate.network),
        "recipe": asdict(candidate.recipe),
        "data": asdict(candidate.data_set),
        "seed": candidate.seed,
        "options": {name: getattr(options, name) for name in names},
    }
    if options.cache is not None:
        # Of decoded images, other random crops are taken.
        identity["cache"] = True
    return Checkpoint.of_trial(options.checkpoint_dir, identity)


class _Trial:
    """The steps of a trial, and what they share."""

    def __init__(
        self,
        candidate: Candidate,
        options: argparse.Namespace,
        hardware: Hardware,
        model: nn.Module,
        metrics: dict[str, float],
        checkpoint: Checkpoint | None,
    ) -> None:
        self._candidate, self._options, self._hardware, self._model = candidate, options, hardware, model
        self._metrics, self._checkpoint = metrics, checkpoint

    def run(self) -> bool:
        """Return whether the training was only paused."""
        cache = Cache(self._options.cache, self._options.workers) if self._options.cache else None
        located = locate(self._candidate.data_set, self._options.data, cache)
        training, validation = located.development(
            split_seed=self._options.split_seed,
            validation_share=self._options.validation_share,
            limit=self._options.limit,
        )
        if self._candidate.recipe.initialize_with_pretrained:
            # Imported here: few trials start from other weights.
            from evonas_trial.training.pretrained import load_matching  # noqa: PLC0415

            self._metrics["pretrained_share"] = load_matching(self._model, self._options.pretrained)
        if self._options.final:
            # Before the training: what is missing of it should not cost one.
            self._finish(joined(training, validation), located.test())
            return False
        return self._search(training, validation)

    def _search(self, training: Part, validation: Part) -> bool:
        normalized = normalization(training)
        self._use_hardware(self._candidate, training)
        held_out = self._evaluated(validation, normalized)
        epochs = self._candidate.recipe.epochs
        until = pausing.until(epochs)
        score = self._train(self._candidate, training, normalized, held_out, until)
        self._measure(held_out)
        report.reward(score.accuracy, {"accuracy": score.accuracy, "loss": score.loss, **self._metrics})
        return until < epochs

    def _finish(self, everything: Part, test: Part) -> None:
        epochs = self._options.final_epochs or FINAL_EPOCHS_FACTOR * self._candidate.recipe.epochs
        candidate = replace(self._candidate, recipe=replace(self._candidate.recipe, epochs=epochs))
        normalized = normalization(everything)
        self._use_hardware(candidate, everything)
        trained = self._train(candidate, everything, normalized, None, epochs)
        tested = self._evaluated(test, normalized)
        score = Evaluation(self._model, tested, self._hardware).score()
        self._measure(tested)
        facts = {"training_accuracy": trained.accuracy, "test_accuracy": score.accuracy, "test_loss": score.loss}
        self._metrics |= {"accuracy": score.accuracy, "loss": score.loss, **facts}
        if self._options.export is not None:
            export.write(self._options.export, self._model, candidate, normalized, self._metrics)
        # Printed for the user: a winner is trained by hand, and there is no search to report to.
        print(json.dumps(self._metrics))
        report.reward(score.accuracy, self._metrics)

    def _use_hardware(self, candidate: Candidate, training: Part) -> None:
        """Use a GPU as this training calls for; all attempts of a trial do it alike."""
        recipe = candidate.recipe
        steps = recipe.epochs * max(1, len(training) // recipe.batch_size)
        work = Work(self._metrics["multiply_adds"], recipe.batch_size, steps)
        self._hardware = self._hardware.used(choose(work).wished(Wishes.of(self._options)))
        if self._hardware.device.type == "cuda":
            pausing.say(f"trains on {self._hardware.name}: {self._hardware.settings}")

    def _train(
        self, candidate: Candidate, training: Part, normalized: Normalization, validation: Batches | None, until: int
    ) -> Score:
        recipe = candidate.recipe
        seen = batches.make(
            training,
            normalized,
            self._hardware,
            batch_size=recipe.batch_size,
            seed=candidate.seed,
            augmentation=recipe.augmentation,
            side=candidate.data_set.shape.side,
            workers=self._options.workers,
        )
        # Without a checkpoint there is nothing to save, and SIGTERM ends the process at once.
        notice = termination.Notice() if self._checkpoint else None
        trained = Training(
            self._model,
            recipe,
            seen,
            validation,
            self._hardware,
            classes=candidate.data_set.shape.classes,
            seed=candidate.seed,
            checkpoint=self._checkpoint,
            told_to_end=notice.given if notice else lambda: False,
            rungs=report.rungs(),
            until=until,
        )
        self._model = trained.model

        def on_epoch(epoch: int, score: Score) -> None:
            # With all that an objective may weigh and that is known by now.
            facts = {"reward": score.accuracy, "accuracy": score.accuracy, "loss": score.loss, **self._metrics}
            report.progress(epoch, recipe.epochs, **facts)

        score = trained.run(on_epoch, report.resumed)
        self._metrics |= {"train_seconds": trained.seconds, "epochs": until}
        return score

    def _evaluated(self, part: Part, normalized: Normalization) -> Batches:
        return batches.make(
            part,
            normalized,
            self._hardware,
            batch_size=max(EVALUATION_BATCH_SIZE, self._candidate.recipe.batch_size),
            seed=0,
            side=self._candidate.data_set.shape.side,
            workers=self._options.workers,
        )

    def _measure(self, held_out: Batches) -> None:
        size = self._options.latency_batch_size
        image = held_out.made(*next(iter(held_out.ordered())))[0][:1]
        # All candidates alike, however they were trained; and nothing is tuned for an inference that is done once.
        hardware = self._hardware.used(Settings().wished(Wishes.of(self._options)))
        model = hardware.placed(self._model).eval()
        images = image.expand(size, -1, -1, -1).contiguous(memory_format=hardware.memory_format)
        with hardware.autocast():
            latency = measures.latency_ms(model, images)
        self._metrics |= {
            "latency_ms": latency,
            "latency_batch_size": size,
            "peak_memory_mb": measures.peak_memory_mb(self._hardware.device),
        }
