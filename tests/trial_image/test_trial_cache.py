"""Images decoded once: the same images as without a cache, made by one of many trials, whatever happens to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from evonas_trial.data import catalogue
from evonas_trial.data.cache import Cache, TooLarge, check_size
from evonas_trial.data.images import Files, Images, normalization
from evonas_trial.data.once import Pace, made_once
from evonas_trial.data.places import DataMissing
from evonas_trial.data.reading import locate
from evonas_trial.termination import SIGTERM_EXIT_CODE
from evonas_trial.training import batches
from evonas_trial.training.hardware import Hardware
from harness.waiting import PATIENCE, wait_for
from tests import warm
from tests.trial_image.conftest import RunTrial

SIDE = 16
CPU = Hardware(torch.device("cpu"))


def write_photos(folder: Path, *sizes: tuple[int, int]) -> None:
    """A folder of two classes, with an image of each size in each."""
    draw = numpy.random.default_rng(0)
    for part in ("train", "val"):
        for name in ("cat", "dog"):
            (folder / part / name).mkdir(parents=True)
            for number, (width, height) in enumerate(sizes):
                noise = draw.integers(0, 256, (5, 5, 3), dtype=numpy.uint8)
                image = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
                image.save(folder / part / name / f"{number}.{('png', 'jpg')[number % 2]}")


def parts(folder: Path, cache: Path | None, workers: int = 0) -> list[Images | Files]:
    """Training, validation and test part."""
    located = locate(catalogue.folder(SIDE, 2), str(folder), Cache(cache, workers) if cache else None)
    return [*located.development(split_seed=0, validation_share=0.34), located.test()]


def seen(part: Images | Files, augmentation: str | None = None) -> torch.Tensor:
    """The images of a part as a network sees them, in an evaluation or with an augmentation."""
    made = batches.make(
        part, normalization(part), CPU, batch_size=2, seed=0, augmentation=augmentation or "none", side=SIDE
    )
    sources = made.shuffled(0, 0) if augmentation else made.ordered()
    return torch.cat([made.made(*source)[0] for source in sources])


class TestTheSameImages:
    """A cache changes when an image is decoded, not what a network sees."""

    @pytest.mark.parametrize("workers", [0, 2])
    @pytest.mark.parametrize(
        ("sizes", "stored"),
        [
            pytest.param([(16, 16)] * 4, 16, id="of the network's size"),
            pytest.param([(20, 20), (21, 40), (40, 23), (37, 19)], 18, id="of all sizes"),
            pytest.param([(16, 16), (21, 40), (16, 16), (9, 12)], 18, id="of both kinds"),
        ],
    )
    def test_with_and_without_a_cache(
        self, tmp_path: Path, sizes: list[tuple[int, int]], stored: int, workers: int
    ) -> None:
        write_photos(tmp_path / "images", *sizes)
        without = parts(tmp_path / "images", None)
        for cached in (parts(tmp_path / "images", tmp_path / "cache", workers) for _ in ("made", "read")):
            for part, same in zip(cached, without, strict=True):
                assert isinstance(part, Images)
                assert isinstance(same, Files)
                assert (part.is_mapped, part.side) == (True, stored)
                assert torch.equal(part.labels, same.labels)
                assert normalization(part) == normalization(same)
                assert torch.equal(seen(part), seen(same))
                assert torch.equal(seen(part, "none"), seen(same, "none"))
                assert seen(part, "crop_flip").shape == seen(same, "crop_flip").shape

    def test_a_trial_reports_what_it_would_without(self, run_trial: RunTrial, tmp_path: Path) -> None:
        write_photos(tmp_path / "images", *[(20 + number, 24) for number in range(6)])
        arguments = ["--dataset", "folder", "--data", str(tmp_path / "images"), "--classes", "2", "--image-size", "16"]
        arguments += ["--validation-share", "0.34", "--epochs", "2", "--batch-size", "4", "--workers", "0"]
        cache = tmp_path / "cache"
        found = [run_trial("evonas_trial.mlp", {}, *arguments, *more) for more in ([], *[["--cache", str(cache)]] * 2)]
        assert [ended.errors.count("\n") for ended in found] == [0, 1, 0]
        assert f"evonas: --cache: decodes 12 images once, into {cache}/development-16-" in found[1].errors
        accuracies = [(ended.report or {})["metrics"]["loss"] for ended in found]
        assert accuracies == accuracies[:1] * 3
        # The test part is only read for a winner.
        assert len(list(cache.iterdir())) == 1


class TestVersions:
    @pytest.mark.parametrize(
        "change",
        [
            lambda folder: os.utime(folder / "train/cat/0.png", ns=(1, 1)),
            lambda folder: (folder / "train/cat/0.png").rename(folder / "train/cat/9.png"),
            lambda folder: (folder / "train/cat/0.png").unlink(),
            lambda folder: (folder / "train/cat/9.png").write_bytes((folder / "train/cat/0.png").read_bytes()),
        ],
        ids=["written", "renamed", "removed", "added"],
    )
    def test_every_change_of_the_folder_gives_another(self, tmp_path: Path, change: Callable[[Path], object]) -> None:
        write_photos(tmp_path / "images", *[(16, 16)] * 4)
        cache = tmp_path / "cache"
        parts(tmp_path / "images", cache)
        before = {path.name for path in cache.iterdir()}
        change(tmp_path / "images")
        parts(tmp_path / "images", cache)
        assert len({path.name for path in cache.iterdir()} - before) == 1

    def test_it_is_read_only_and_each_size_of_image_has_its_own(self, tmp_path: Path) -> None:
        write_photos(tmp_path / "images", *[(16, 16)] * 4)
        for side in (16, 8):
            locate(catalogue.folder(side, 2), str(tmp_path / "images"), Cache(tmp_path / "cache", 0)).test()
        made = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
        assert sorted(path.name for path in made) == ["cache.json"] * 2 + ["pixels"] * 2
        assert {path.stat().st_mode & 0o777 for path in made} == {0o444}


class TestDamage:
    """What is not as it was written is told in one line, and made again."""

    @pytest.mark.parametrize(
        ("name", "damage", "words"),
        [
            ("pixels", lambda content: content[:-1], "it has 6143 bytes, not 6144"),
            ("pixels", lambda content: bytes([content[0] ^ 1]) + content[1:], "the checksum is another"),
            ("cache.json", lambda _: b"{", "cache.json: "),
            ("cache.json", lambda _: b"[]", "cache.json: "),
            ("cache.json", lambda content: content.replace(b"16", b"17"), "images of 17 pixels, not 8 for 16 pixels"),
            ("pixels", None, "No such file"),
            ("cache.json", None, "No such file"),
        ],
    )
    def test_it_is_made_again(
        self,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        name: str,
        damage: Callable[[bytes], bytes] | None,
        words: str,
    ) -> None:
        write_photos(tmp_path / "images", *[(16, 16)] * 4)
        cache = tmp_path / "cache"
        whole = [seen(part) for part in parts(tmp_path / "images", cache)]
        path = next(cache.glob(f"development-*/{name}"))
        content = path.read_bytes()
        path.unlink()
        if damage:
            path.write_bytes(damage(content))
        capsys.readouterr()
        for _ in range(2):
            found = [seen(part) for part in parts(tmp_path / "images", cache)]
            assert all(torch.equal(one, other) for one, other in zip(found, whole, strict=True))
        damaged, again = capsys.readouterr().err.splitlines()
        assert damaged.startswith(f"evonas: --cache: {path.parent} is damaged (")
        assert words in damaged
        assert again == f"evonas: --cache: decodes 8 images once, into {path.parent}"
        assert len(list(cache.iterdir())) == 2


class TestWhereNothingIsKept:
    """The training goes on, and one line says why each epoch decodes again."""

    END = ", so the images are decoded by --workers, in each epoch again"

    def test_on_a_volume_that_cannot_be_written_to(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        write_photos(tmp_path / "images", *[(16, 16)] * 4)
        (tmp_path / "file").write_text("")
        training, *_ = parts(tmp_path / "images", tmp_path / "file" / "cache")
        assert isinstance(training, Files)
        line, _test = capsys.readouterr().err.splitlines()
        assert line.startswith(f"evonas: --cache: {tmp_path}/file/cache cannot be used ([Errno 20] Not a directory")
        assert line.endswith(self.END)

    def test_on_a_volume_that_takes_no_more(self, tmp_path: Path, clean_environment: dict[str, str]) -> None:
        write_photos(tmp_path / "images", *[(16, 16)] * 4)
        program = textwrap.dedent("""
            import sys
            from pathlib import Path
            from resource import RLIM_INFINITY, RLIMIT_FSIZE, setrlimit
            from evonas_trial.data import catalogue
            from evonas_trial.data.cache import Cache
            from evonas_trial.data.reading import locate

            setrlimit(RLIMIT_FSIZE, (5000, RLIM_INFINITY))
            located = locate(catalogue.folder(16, 2), sys.argv[1], Cache(Path(sys.argv[2]), 0))
            print(type(located.test()).__name__)
        """)
        cache = tmp_path / "cache"
        ended = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "images"), str(cache)],
            env=clean_environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert ended.stdout == "Files\n"
        decodes, goes_on = ended.stderr.splitlines()
        assert "decodes 8 images once" in decodes
        assert goes_on == f"evonas: --cache: {cache} cannot be used ([Errno 27] File too large){self.END}"
        assert list(cache.iterdir()) == []

    def test_of_sets_that_are_too_large(self) -> None:
        with pytest.raises(TooLarge, match=r"1281167 images of 256 x 256 pixels take 234\.6 GiB, more than the 32 GiB"):
            check_size(1_281_167, 256)
        with pytest.raises(TooLarge, match=r"50000 images of 256 x 256 pixels take 9\.2 GiB, but only 5\.0 GiB are"):
            check_size(50_000, 256, 5 * 2**30)
        check_size(50_000, 256, 10 * 2**30)

    def test_a_set_that_is_too_large_is_not_looked_at(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        many = Files([tmp_path / "nowhere"] * 250_000, torch.zeros(250_000, dtype=torch.int64))
        assert Cache(tmp_path / "cache", 0).images(many, tmp_path, "development", 224) is many
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith(f"35.0 GiB, more than the 32 GiB of the largest cache{self.END}")
        assert not (tmp_path / "cache").exists()

    def test_a_file_that_is_no_image_is_named_and_leaves_nothing_behind(self, tmp_path: Path) -> None:
        write_photos(tmp_path / "images", *[(16, 16)] * 4)
        broken = tmp_path / "images/train/dog/2.png"
        broken.write_bytes(broken.read_bytes()[:-40])
        for workers in (0, 2):
            with pytest.raises(DataMissing, match=f"^{broken} cannot be read as an image") as raised:
                parts(tmp_path / "images", tmp_path / "cache", workers)
            assert "\n" not in str(raised.value)
        broken.unlink()
        broken.symlink_to("nowhere")
        with pytest.raises(DataMissing, match=f"^{broken} cannot be read as an image"):
            parts(tmp_path / "images", tmp_path / "cache")
        assert list((tmp_path / "cache").iterdir()) == []


def test_the_option_is_for_folders(run_trial: RunTrial) -> None:
    ended = run_trial("evonas_trial.cnn", {}, "--dataset", "digits", "--cache", "/cache")
    assert ended.exit_code == 2
    assert "--cache is for --dataset folder; digits needs no decoding: leave --cache out" in ended.errors


def test_an_empty_option_is_not_the_working_directory(run_trial: RunTrial) -> None:
    ended = run_trial("evonas_trial.cnn", {}, "--dataset", "folder", "--classes", "2", "--cache", "")
    assert ended.exit_code == 2
    assert "--cache: must name a folder, got nothing" in ended.errors


class TestManyAtOnce:
    """One of many processes makes a folder, the others wait: with torch out of the way, as real processes."""

    PROGRAM = textwrap.dedent("""
        import os, sys
        from pathlib import Path
        from evonas_trial.data.once import Pace, made_once

        target, log, others, patience = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
        pace = Pace(look=0.02, beat=0.05, patience=patience)

        def tell(word):
            (log / f"{word}-{os.getpid()}").touch()

        def make(folder):
            tell("makes")
            (folder / "first").write_text("half")
            while len(list(log.glob("waits-*"))) < others:
                pass
            (folder / "second").write_text("of it")

        whole = (target / "second").exists
        made_once(target, whole, make, lambda: tell("waits"), pace)
        print((target / "first").read_text(), (target / "second").read_text())
    """)

    def start(self, tmp_path: Path, count: int, others: int, patience: float) -> list[subprocess.Popen[str]]:
        (tmp_path / "log").mkdir(exist_ok=True)
        words = [str(tmp_path / "volume" / "made"), str(tmp_path / "log"), str(others), str(patience)]
        command = [sys.executable, "-c", self.PROGRAM, *words]
        return [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]

    def end(self, processes: list[subprocess.Popen[str]]) -> None:
        for process in processes:
            assert process.communicate(timeout=PATIENCE)[0] == "half of it\n"
            assert process.returncode == 0

    def test_one_of_sixteen_makes_it_and_the_others_wait(self, tmp_path: Path) -> None:
        # It does not finish before the fifteen wait.
        self.end(self.start(tmp_path, 16, others=15, patience=PATIENCE))
        assert sorted(path.name.split("-")[0] for path in (tmp_path / "log").iterdir()) == ["makes"] + ["waits"] * 15
        assert [path.name for path in (tmp_path / "volume").iterdir()] == ["made"]

    def test_one_that_is_killed_in_the_middle_is_replaced(self, tmp_path: Path) -> None:
        (first,) = self.start(tmp_path, 1, others=99, patience=PATIENCE)
        wait_for("the first half", lambda: list((tmp_path / "volume").glob(".made.*/first")))
        first.kill()
        first.communicate()
        self.end(self.start(tmp_path, 5, others=1, patience=1))
        assert [path.name for path in (tmp_path / "volume").iterdir()] == ["made"]

    def test_one_that_was_only_asleep_takes_what_was_made_meanwhile(self, tmp_path: Path) -> None:
        (first,) = self.start(tmp_path, 1, others=2, patience=PATIENCE)
        wait_for("the first half", lambda: list((tmp_path / "volume").glob(".made.*/first")))
        first.send_signal(signal.SIGSTOP)
        self.end(self.start(tmp_path, 2, others=2, patience=1))
        made = (tmp_path / "volume" / "made").stat().st_ino
        first.send_signal(signal.SIGCONT)
        self.end([first])
        assert [path.name for path in (tmp_path / "volume").iterdir()] == ["made"]
        assert (tmp_path / "volume" / "made").stat().st_ino == made

    def test_one_that_fails_lets_the_next_try(self, tmp_path: Path) -> None:
        target = tmp_path / "volume" / "made"

        def fail(folder: Path) -> None:
            (folder / "first").write_text("half")
            raise DataMissing("no image")

        def make(folder: Path) -> None:
            (folder / "second").write_text("of it")

        whole = (target / "second").exists
        with pytest.raises(DataMissing):
            made_once(target, whole, fail, pytest.fail, Pace())
        assert list(target.parent.iterdir()) == []
        made_once(target, whole, make, pytest.fail, Pace())
        assert whole()

    def test_trials_of_one_search_decode_once_and_report_the_same(
        self, tmp_path: Path, clean_environment: dict[str, str]
    ) -> None:
        write_photos(tmp_path / "images", *[(20, 24)] * 6)
        trials = [self.trial(tmp_path, clean_environment, f"trial{number}") for number in range(3)]
        assert [trial.wait(PATIENCE) for trial in trials] == [0] * 3
        lines = [line for number in range(3) for line in (tmp_path / f"trial{number}").read_text().splitlines()]
        assert len([line for line in lines if "decodes 12 images once" in line]) == 1
        rewards = [json.loads((tmp_path / f"trial{number}.json").read_text())["metrics"]["loss"] for number in range(3)]
        assert rewards == rewards[:1] * 3

    def test_a_trial_that_waits_ends_on_sigterm(self, tmp_path: Path, clean_environment: dict[str, str]) -> None:
        write_photos(tmp_path / "images", *[(20, 24)] * 6)
        trial = self.trial(tmp_path, clean_environment, "first")
        assert trial.wait(PATIENCE) == 0
        # As if another trial had begun to make it.
        (made,) = (tmp_path / "cache").iterdir()
        (made / "pixels").unlink()
        made.with_name(f".{made.name}.0").touch()
        trial = self.trial(tmp_path, clean_environment, "waiting")
        said = f"evonas: --cache: waits for another trial, which decodes the images into {made}\n"
        wait_for("the line", lambda: (tmp_path / "waiting").read_text() == said)
        os.kill(trial.pid, signal.SIGTERM)
        assert trial.wait(PATIENCE) == SIGTERM_EXIT_CODE
        assert not (tmp_path / "waiting.json").exists()

    def trial(self, tmp_path: Path, environment: dict[str, str], name: str) -> warm.Started:
        contract = {
            "EVONAS_DECISIONS": "{}",
            "EVONAS_SEED": "0",
            "EVONAS_REPORT_FILE": str(tmp_path / f"{name}.json"),
        }
        arguments = ["--dataset", "folder", "--data", str(tmp_path / "images"), "--classes", "2", "--image-size", "16"]
        arguments += ["--validation-share", "0.34", "--epochs", "1", "--batch-size", "4", "--workers", "0"]
        arguments += ["--cache", str(tmp_path / "cache")]
        with (tmp_path / name).open("wb") as log:
            return warm.start("evonas_trial.mlp", arguments, environment=environment | contract, errors=log)
