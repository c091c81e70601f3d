"""The training that all networks share: what it learns from, and that nothing but the clock tells two runs apart."""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from evonas_trial import report
from evonas_trial.cnn import settings
from evonas_trial.data import catalogue
from evonas_trial.data.images import Files, Images, Normalization, normalization
from evonas_trial.data.reading import locate
from evonas_trial.training import batches, schedule, trial
from evonas_trial.training.augmentation import augment, draw
from evonas_trial.training.candidate import Candidate
from evonas_trial.training.checkpoint import Checkpoint
from evonas_trial.training.evaluation import Score
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.loop import Diverged, Interrupted, Training
from evonas_trial.training.pretrained import load_matching
from evonas_trial.training.recipe import OPTIMIZERS
from tests.trial_image import files
from tests.trial_image.trainings import digits, ignore, training_of

CPU = Hardware.choose("cpu", threads=1)
AS_READ = Normalization((0.0,), (1.0,))
SMALL = {"blocks": 2, "width": 0.5, "dropout": 0.3, "augmentation": "crop_flip", "epochs": 3, "batch_size": 32}


Make = Callable[..., Training]


@pytest.fixture(scope="module")
def make() -> Make:
    return partial(training_of, digits(200), CPU)


def weights(training: Training) -> Tensor:
    return torch.cat([values.detach().flatten() for values in training.model.state_dict().values()])


class TestLoop:
    def test_two_runs_agree_bit_for_bit_and_the_seed_matters(self, make: Make) -> None:
        first, second, other = make(SMALL), make(SMALL), make(SMALL, seed=1)
        seen: list[tuple[int, Score]] = []
        score = first.run(lambda *epoch: seen.append(epoch))
        # What else draws random numbers in between does not matter.
        assert second.run(lambda *_: torch.manual_seed(99)) == score  # type: ignore[arg-type]
        assert torch.equal(weights(first), weights(second))
        assert other.run(ignore) != score
        assert [epoch for epoch, _ in seen] == [1, 2, 3]
        assert seen[-1][1] == score

    @pytest.mark.parametrize("optimizer", OPTIMIZERS)
    @pytest.mark.parametrize("looks", [1, 6, 7, 11, 22])
    def test_interrupted_anywhere_it_ends_as_undisturbed(
        self, make: Make, tmp_path: Path, looks: int, optimizer: str
    ) -> None:
        candidate = SMALL | {"optimizer": optimizer, "learning_rate": 0.01}
        undisturbed = make(candidate)
        expected = undisturbed.run(ignore)
        asked = 0

        def told_to_end() -> bool:
            nonlocal asked
            asked += 1
            return asked == looks

        interrupted = make(candidate, checkpoint=Checkpoint(tmp_path, "trial", candidate), told_to_end=told_to_end)
        with pytest.raises(Interrupted):
            interrupted.run(ignore)
        resumed = make(candidate, checkpoint=Checkpoint(tmp_path, "trial", candidate))
        assert resumed.run(ignore) == expected
        assert torch.equal(weights(resumed), weights(undisturbed))
        assert resumed.seconds > interrupted.seconds > 0

    @pytest.mark.parametrize("looks", [1, 7, 22])
    def test_a_resumed_one_tells_again_what_it_had_reached_at_rungs(
        self, make: Make, tmp_path: Path, looks: int
    ) -> None:
        undisturbed: dict[int, Score] = {}
        make(SMALL).run(undisturbed.__setitem__)
        # The volume has what was saved before the look that ended it.
        asked, told = itertools.count(1), []
        checkpoint = Checkpoint(tmp_path, "trial", SMALL)
        first = make(SMALL, checkpoint=checkpoint, told_to_end=lambda: next(asked) == looks, rungs=(1, 3))
        with pytest.raises(Interrupted):
            first.run(lambda epoch, score: told.append((epoch, score)))
        earlier = [epoch for epoch, _ in told]
        make(SMALL, checkpoint=checkpoint, rungs=(1, 3)).run(lambda epoch, score: told.append((epoch, score)))
        repeated = [epoch for epoch in earlier if epoch in (1, 3)]
        later = [epoch for epoch in undisturbed if epoch not in earlier]
        assert [epoch for epoch, _ in told] == [*earlier, *repeated, *later]
        assert all(undisturbed[epoch] == score for epoch, score in told)

    def test_attempts_in_a_row_are_one_training(self, make: Make, tmp_path: Path) -> None:
        undisturbed, scores, starts = make(SMALL), dict[int, Score](), list[int]()
        undisturbed.run(scores.__setitem__)
        for until in (1, 2, 3):
            last = make(SMALL, checkpoint=Checkpoint(tmp_path, "trial", SMALL), until=until)
            assert last.run(ignore, starts.append) == scores[until]
        assert starts == [0, 1, 2]
        assert torch.equal(weights(last), weights(undisturbed))

    def test_told_to_end_while_it_saves_its_last_epoch_it_has_ended_already(self, make: Make, tmp_path: Path) -> None:
        told = False

        class Saving(Checkpoint):
            def save(self, state: Mapping[str, Any]) -> None:
                nonlocal told
                super().save(state)
                told = True

        checkpoint = Saving(tmp_path, "trial", SMALL)
        score = make(SMALL, checkpoint=checkpoint, until=1, told_to_end=lambda: told).run(ignore)
        told = False
        assert make(SMALL, checkpoint=checkpoint, until=1).run(ignore) == score

    def test_steps_do_without_the_slow_way_to_seed(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        """torch.manual_seed writes down a traceback for when CUDA is used: it took a millisecond of every step."""
        training = make(SMALL)
        monkeypatch.setattr(torch, "manual_seed", lambda _seed: pytest.fail("it was called"))
        training.run(ignore)

    def test_a_finished_training_is_not_repeated(self, make: Make, tmp_path: Path) -> None:
        expected = make(SMALL, checkpoint=Checkpoint(tmp_path, "trial", SMALL)).run(ignore)
        epochs: list[int] = []
        again = make(SMALL, checkpoint=Checkpoint(tmp_path, "trial", SMALL))
        assert again.run(lambda epoch, _: epochs.append(epoch)) == expected
        assert epochs == []

    @pytest.mark.parametrize("optimizer", OPTIMIZERS)
    def test_every_optimizer_learns(self, make: Make, optimizer: str) -> None:
        rate = {"SGD": 0.1, "AdaGrad": 0.03}.get(optimizer, 0.01)
        candidate = {"optimizer": optimizer, "learning_rate": rate, "epochs": 10, "batch_size": 10}
        assert make(candidate).run(ignore).accuracy > 0.8

    @pytest.mark.parametrize(
        ("candidate", "words"),
        [
            ({"optimizer": "SGD", "learning_rate": 1e30, "normalization": "none"}, "loss became nan in epoch 1"),
            ({"optimizer": "SGD", "learning_rate": 30, "normalization": "none", "epochs": 1}, "epoch 1"),
        ],
    )
    def test_divergence_is_noticed(self, make: Make, candidate: dict[str, Any], words: str) -> None:
        with pytest.raises(Diverged, match=words):
            make(candidate).run(ignore)


class TestCheckpoint:
    def test_another_candidate_has_another_file(self, tmp_path: Path) -> None:
        one, other = (Checkpoint(tmp_path, "trial", {"width": width}) for width in (1, 2))
        one.save({"x": torch.ones(2)})
        assert other.load(CPU.device) is None
        loaded = one.load(CPU.device)
        assert loaded is not None
        assert loaded["x"].tolist() == [1, 1]
        one.remove()
        assert list(tmp_path.iterdir()) == []

    def test_an_unreadable_file_is_told_and_not_used(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        checkpoint = Checkpoint(tmp_path, "trial", {})
        checkpoint.path.write_bytes(b"half a file")
        assert checkpoint.load(CPU.device) is None
        assert "is not readable, so it starts anew" in capsys.readouterr().err

    def test_removing_it_removes_what_a_killed_trial_had_begun_to_write(self, tmp_path: Path) -> None:
        checkpoint, other = Checkpoint(tmp_path, "trial", {}), Checkpoint(tmp_path, "trial-2", {})
        begun, others = (kept.path.with_name(f".{kept.path.name}.1") for kept in (checkpoint, other))
        checkpoint.save({})
        begun.touch()
        others.touch()
        checkpoint.remove()
        assert list(tmp_path.iterdir()) == [others]

    def test_a_failed_write_leaves_the_old_state(self, tmp_path: Path) -> None:
        checkpoint = Checkpoint(tmp_path, "trial", {})
        checkpoint.save({"epoch": 1})
        with pytest.raises(Exception, match="pickle"):
            checkpoint.save({"epoch": lambda: 2})
        assert checkpoint.load(CPU.device) == {"epoch": 1}
        assert len(list(tmp_path.iterdir())) == 1


def test_out_of_gpu_memory_is_infeasible_with_the_reason_in_the_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build_too_large() -> nn.Module:
        # What torch raises where a GPU has no more memory; no GPU is needed to raise it.
        raise torch.OutOfMemoryError("tried to allocate 2 GiB")

    monkeypatch.setenv("EVONAS_REPORT_FILE", str(tmp_path / "report.json"))
    report._default.cache_clear()
    network, recipe = settings.read({}, {})
    candidate = Candidate("cnn", network, recipe, catalogue.DIGITS, build_too_large, 0, {})
    with pytest.raises(SystemExit) as ended:
        trial.run(candidate, argparse.Namespace(device="cpu", threads=1, compile=False, checkpoint_dir=None))
    report._default.cache_clear()
    assert ended.value.code == 65
    said = json.loads((tmp_path / "report.json").read_text())
    assert said["infeasible"] == "out of GPU memory with batch_size=32: tried to allocate 2 GiB"
    assert said["metrics"]["out_of_memory"] == 1
    assert said["metrics"]["peak_memory_mb"] > 0


class TestPretrained:
    def test_what_fits_is_loaded_and_the_share_told(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        common, last = nn.Linear(3, 4), nn.Linear(4, 5)
        source, target = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), nn.Sequential(common, last)
        save_file(source.state_dict(), tmp_path / "weights.safetensors")
        before = last.weight.clone()
        share = load_matching(target, tmp_path / "weights.safetensors")
        assert torch.equal(common.weight, source.state_dict()["0.weight"])
        assert torch.equal(last.weight, before)
        assert share == (3 * 4 + 4) / (3 * 4 + 4 + 4 * 5 + 5)


class TestSchedule:
    @given(st.sampled_from(schedule.SCHEDULES), st.floats(0, 1, exclude_max=True), st.floats(0, 0.5))
    def test_rates_are_shares_of_the_highest(self, name: str, progress: float, warmup: float) -> None:
        assert 0 <= schedule.factor(name, progress, warmup) <= 1 + 1e-12

    def test_shapes(self) -> None:
        assert [schedule.factor("cosine", p) for p in (0, 0.5)] == [1, pytest.approx(0.5)]
        assert [schedule.factor("cosine", p, 0.2) for p in (0, 0.1, 0.2, 0.6)] == [0, 0.5, 1, pytest.approx(0.5)]
        assert schedule.factor("constant", 0.99) == 1

    def test_one_cycle_is_torchs(self) -> None:
        steps = 1000
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 1.0)
        theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=steps)
        for step in range(steps - 1):
            # Torch's turn and end come a step earlier than ours.
            ours = schedule.factor("one_cycle", step / steps)
            assert math.isclose(ours, optimizer.param_groups[0]["lr"], abs_tol=0.01)
            optimizer.step()
            theirs.step()


class TestAugmentation:
    PIXELS = torch.randint(0, 256, (64, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))

    def changed(self, kind: str, seed: int = 0) -> Tensor:
        return augment(self.PIXELS, 16, kind, draw(64, 16, 16, kind, torch.Generator().manual_seed(seed)))

    def test_none_changes_nothing(self) -> None:
        assert self.changed("none") is self.PIXELS

    def test_about_half_are_mirrored_as_a_whole(self) -> None:
        found = self.changed("flip")
        mirrored = (found == self.PIXELS.flip(3)).flatten(1).all(1)
        kept = (found == self.PIXELS).flatten(1).all(1)
        assert (mirrored ^ kept).all()
        assert 16 < mirrored.sum() < 48

    def test_crops_are_windows_of_the_padded_image(self) -> None:
        padded = nn.functional.pad(self.PIXELS, (2, 2, 2, 2))
        windows = [padded[:, :, y : y + 16, x : x + 16] for y in range(5) for x in range(5)]
        found = self.changed("crop")
        where = torch.stack([(found == window).flatten(1).all(1) for window in windows])
        assert (where.sum(0) == 1).all()
        assert (where.sum(1) > 0).sum() > 15

    @pytest.mark.parametrize("kind", ["flip", "crop", "crop_flip"])
    def test_draws_follow_from_the_generator(self, kind: str) -> None:
        assert torch.equal(self.changed(kind), self.changed(kind))
        assert not torch.equal(self.changed(kind), self.changed(kind, seed=1))


class TestLargerImages:
    """Those of a cache, which are larger than what the network sees."""

    PIXELS = torch.randint(0, 256, (64, 3, 18, 18), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))

    @pytest.mark.parametrize("kind", ["none", "flip"])
    def test_without_crops_the_middle_is_seen(self, kind: str) -> None:
        draws = draw(64, 18, 16, kind, torch.Generator().manual_seed(0))
        found = augment(self.PIXELS, 16, kind, draws)
        middle = self.PIXELS[:, :, 1:17, 1:17]
        assert torch.equal(
            found, middle if kind == "none" else torch.where(draws[0][..., None, None], middle.flip(3), middle)
        )

    def test_boxes_are_drawn_as_torchvision_draws_them(self) -> None:
        # Imported here: it takes seconds.
        from torchvision.transforms import v2

        _, ours = draw(4000, 72, 64, "crop", torch.Generator().manual_seed(0))
        torch.manual_seed(0)
        pick = v2.RandomResizedCrop(64).make_params
        image = torch.zeros(3, 72, 72)
        theirs = torch.tensor(
            [
                [drawn[name] for name in ("top", "left", "height", "width")]
                for drawn in (pick([image]) for _ in range(4000))
            ]
        )
        assert (ours[:, :2] >= 0).all()
        assert (ours[:, :2] + ours[:, 2:] <= 72).all()
        for find in (torch.mean, torch.std):
            torch.testing.assert_close(find(ours, 0), find(theirs.float(), 0), rtol=0.05, atol=0)

    def test_a_box_is_scaled_as_torchvision_scales_it(self) -> None:
        box = torch.tensor([[1.0, 2.0, 9.0, 6.0]]).expand(64, 4)
        found = augment(self.PIXELS, 16, "crop", (torch.zeros(64, 1, dtype=torch.bool), box))
        theirs = nn.functional.interpolate(
            self.PIXELS[:, :, 1:10, 2:8].float(), (16, 16), mode="bilinear", align_corners=False
        )
        # At the box's edge ours looks at the pixels beside it, theirs repeats the last ones.
        torch.testing.assert_close(found[:, :, 2:-2, 2:-2], theirs[:, :, 2:-2, 2:-2], rtol=0, atol=0.01)

    def test_a_whole_box_is_the_whole_image(self) -> None:
        whole = torch.tensor([[0.0, 0.0, 18.0, 18.0]]).expand(64, 4)
        found = augment(self.PIXELS, 16, "crop_flip", (torch.ones(64, 1, dtype=torch.bool), whole))
        theirs = nn.functional.interpolate(self.PIXELS.float(), (16, 16), mode="bilinear", align_corners=False)
        torch.testing.assert_close(found.flip(3), theirs, rtol=0, atol=0.01)

    def test_evaluated_is_the_middle(self) -> None:
        part = Images(self.PIXELS, torch.zeros(64, dtype=torch.int64))
        made = batches.make(part, Normalization((0.0,) * 3, (1.0,) * 3), CPU, batch_size=64, seed=0, side=16)
        (source,) = made.ordered()
        assert torch.equal(made.made(*source)[0], self.PIXELS[:, :, 1:17, 1:17].float())


class TestBatches:
    PART = Images(torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1), torch.arange(10))

    def test_an_epoch_sees_each_image_once_in_an_order_of_its_own(self) -> None:
        made = batches.make(self.PART, AS_READ, CPU, batch_size=5, seed=0, side=1)
        epochs = [[made.made(*source)[1] for source in made.shuffled(epoch, 0)] for epoch in (0, 1)]
        assert len(made) == 2
        for epoch in epochs:
            assert torch.cat(epoch).sort().values.tolist() == list(range(10))
        assert not torch.equal(torch.cat(epochs[0]), torch.cat(epochs[1]))

    def test_what_fills_no_batch_waits_for_another_epoch_but_is_evaluated(self) -> None:
        made = batches.make(self.PART, AS_READ, CPU, batch_size=4, seed=0, side=1)
        assert [len(source[0]) for source in made.shuffled(0, 0)] == [4, 4] == [4] * len(made)
        assert [len(source[0]) for source in made.ordered()] == [4, 4, 2]
        few = batches.make(self.PART, AS_READ, CPU, batch_size=64, seed=0, side=1)
        assert [len(source[0]) for source in few.shuffled(0, 0)] == [10]

    def test_images_are_normalized_by_channel(self) -> None:
        made = batches.make(self.PART, Normalization((4.0,), (2.0,)), CPU, batch_size=10, seed=0, side=1)
        (source,) = made.ordered()
        images, labels = made.made(*source)
        assert images.dtype == torch.float32
        assert torch.equal(images.flatten(), (labels - 4) / 2)

    @pytest.mark.parametrize("workers", [0, 2])
    def test_files_are_decoded_scaled_and_seeded(self, tmp_path: Path, workers: int) -> None:
        files.write_image_folder(tmp_path)
        part, _ = locate(catalogue.folder(16, 2), str(tmp_path)).development(split_seed=0, validation_share=0.2)
        assert isinstance(part, Files)
        made = batches.make(
            part, normalization(part), CPU, batch_size=4, seed=0, augmentation="crop_flip", side=16, workers=workers
        )
        first, again = ([made.made(*source)[0] for source in made.shuffled(1, 0)] for _ in range(2))
        assert [tuple(images.shape) for images in first] == [(4, 3, 16, 16)] * 2
        assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
        # A training that goes on in the middle of an epoch sees what it would have seen.
        (rest,) = (made.made(*source)[0] for source in made.shuffled(1, 1))
        assert torch.equal(rest, first[1])
        assert not torch.equal(first[0], made.made(*next(iter(made.shuffled(2, 0))))[0])
        for source in made.ordered():
            images, labels = made.made(*source)
            bright = images.mean((1, 2, 3)) > 0
            assert torch.equal(bright, labels == 1)
