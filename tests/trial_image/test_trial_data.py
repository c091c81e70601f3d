"""The data sets, read from small files in the published formats, and from the real ones that packages install."""

from __future__ import annotations

import gzip
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from evonas_trial.data import catalogue, cifar, digits, places
from evonas_trial.data.catalogue import DataSet
from evonas_trial.data.images import IMAGENET, Files, Images, joined, normalization
from evonas_trial.data.places import DataMissing
from evonas_trial.data.reading import Located, locate
from evonas_trial.data.split import stratified, subset
from tests.trial_image import files
from tests.trial_image.conftest import RunTrial


def images(part: object) -> Images:
    assert isinstance(part, Images)
    return part


def values(part: object) -> list[int]:
    """The bytes that the images of the small sets consist of."""
    pixels = images(part).pixels
    assert (pixels == pixels[:, :1, :1, :1]).all()
    return sorted(pixels[:, 0, 0, 0].tolist())


class TestDigits:
    def test_pixels_and_labels_are_scikit_learns(self) -> None:
        located = locate(catalogue.DIGITS, None)
        parts = [images(part) for part in (*located.development(split_seed=0), located.test())]
        rows = torch.cat([torch.column_stack([part.pixels.flatten(1), part.labels]) for part in parts])
        pixels, labels = load_digits(return_X_y=True)
        assert sorted(rows.tolist()) == sorted(numpy.column_stack([pixels, labels]).astype(int).tolist())
        assert [len(part) for part in parts] == [1079, 359, 359]
        assert all(34 <= count <= 37 for count in parts[2].labels.bincount().tolist())

    def test_the_test_part_does_not_depend_on_the_split(self, tmp_path: Path) -> None:
        folder = locate(catalogue.DIGITS, None).folder
        assert (digits.read(folder, "test")[1] == digits.read(folder, "test")[1]).all()
        first, second = (locate(catalogue.DIGITS, None).development(split_seed=seed)[1] for seed in (0, 1))
        assert not torch.equal(images(first).pixels, images(second).pixels)

    def test_a_damaged_file_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "digits.csv.gz").write_bytes(gzip.compress(b"1,2,3\n4,5,6\n"))
        with pytest.raises(DataMissing, match=r"has the shape \(2, 3\)"):
            digits.read(tmp_path, "development")


class TestIdx:
    @pytest.mark.parametrize("ending", ["", ".gz"])
    def test_each_image_is_in_one_part_and_its_label_with_it(self, tmp_path: Path, ending: str) -> None:
        files.write_mnist(tmp_path, ending=ending)
        located = locate(catalogue.MNIST, str(tmp_path))
        training, validation = located.development(split_seed=0)
        assert sorted(values(training) + values(validation)) == list(range(100))
        for part in (training, validation, located.test()):
            assert (images(part).pixels[:, 0, 0, 0] // 10 == part.labels).all()
        assert validation.labels.bincount().tolist() == [1] * 10
        assert values(located.test()) == list(range(100))

    def test_the_test_files_are_not_opened_for_a_search(self, tmp_path: Path) -> None:
        files.write_mnist(tmp_path, ending="")
        for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
            (tmp_path / name).write_bytes(b"not opened")
        located = locate(catalogue.MNIST, str(tmp_path))
        located.development(split_seed=0)
        with pytest.raises(DataMissing, match="is not an idx file of bytes in 3 dimensions"):
            located.test()

    @pytest.mark.parametrize(
        ("name", "damage", "words"),
        [
            ("train-images-idx3-ubyte.gz", lambda content: content[:-40], "is damaged"),
            ("train-images-idx3-ubyte.gz", lambda content: content[:40] + b"x" + content[41:], "is damaged"),
            ("train-images-idx3-ubyte.gz", lambda _: gzip.compress(b"short"), "is not an idx file"),
            (
                "train-images-idx3-ubyte.gz",
                lambda _: gzip.compress(files.idx(numpy.zeros((100, 28, 28), numpy.uint8))[:-1]),
                r"announces \[100, 28, 28\] bytes, but holds 78399",
            ),
            (
                "train-labels-idx1-ubyte.gz",
                lambda _: gzip.compress(files.idx(numpy.zeros(99, numpy.uint8))),
                "100 images but 99 labels",
            ),
            (
                "train-labels-idx1-ubyte.gz",
                lambda _: gzip.compress(files.idx(numpy.full(100, 10, numpy.uint8))),
                "labels are not those of 10 classes",
            ),
            (
                "train-images-idx3-ubyte.gz",
                lambda _: gzip.compress(files.idx(numpy.zeros((100, 27, 28), numpy.uint8))),
                r"images of \(1, 27, 28\)",
            ),
        ],
    )
    def test_damage_is_told(self, tmp_path: Path, name: str, damage: Callable[[bytes], bytes], words: str) -> None:
        files.write_mnist(tmp_path)
        (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
        with pytest.raises(DataMissing, match=words):
            locate(catalogue.MNIST, str(tmp_path)).development(split_seed=0)


class TestCifar:
    @pytest.mark.parametrize("version", ["binary", "python"])
    @pytest.mark.parametrize("packed", [True, False], ids=["archive", "unpacked"])
    def test_both_versions_packed_or_not(self, tmp_path: Path, version: str, packed: bool) -> None:
        if packed:
            files.write_cifar_archive(tmp_path, version)
        else:
            for name, content in files.cifar(version).items():
                (tmp_path / name).write_bytes(content)
        located = locate(catalogue.CIFAR10, str(tmp_path))
        training, validation = located.development(split_seed=0, validation_share=0.4)
        assert sorted(values(training) + values(validation)) == list(range(10, 60))
        assert values(located.test()) == list(range(10))
        assert (images(training).pixels[:, 2, 31, 31] % 10 == training.labels).all()
        assert validation.labels.bincount().tolist() == [2] * 10

    def test_channels_rows_and_columns_are_not_mixed_up(self, tmp_path: Path) -> None:
        record = numpy.arange(3072, dtype=numpy.uint32) // 32 % 251
        batches = files.cifar("binary")
        batches["test_batch.bin"] = bytes([7]) + record.astype(numpy.uint8).tobytes()
        for name, content in batches.items():
            (tmp_path / name).write_bytes(content)
        pixels, labels = cifar.read(tmp_path, "test")
        assert labels.tolist() == [7]
        # Red rows first, then green, then blue.
        assert [int(pixels[0, channel, row, 5]) for channel, row in ((0, 3), (1, 0), (2, 31))] == [3, 32, 95]

    def test_a_pickle_that_is_a_program_is_not_run(self, tmp_path: Path) -> None:
        class Program:
            def __reduce__(self) -> tuple[object, tuple[str]]:
                return os.mkdir, (str(tmp_path / "was-run"),)

        for name, content in files.cifar("python").items():
            (tmp_path / name).write_bytes(content)
        (tmp_path / "data_batch_3").write_bytes(pickle.dumps({b"data": Program(), b"labels": []}))
        with pytest.raises(DataMissing, match=r"data_batch_3 is not a batch .* refers to posix.mkdir"):
            locate(catalogue.CIFAR10, str(tmp_path)).development(split_seed=0)
        assert not (tmp_path / "was-run").exists()

    @pytest.mark.parametrize("version", ["binary", "python"])
    def test_damage_is_told(self, tmp_path: Path, version: str) -> None:
        files.write_cifar_archive(tmp_path, version)
        archive = tmp_path / f"cifar-10-{version}.tar.gz"
        archive.write_bytes(archive.read_bytes()[:-100])
        with pytest.raises(DataMissing, match="is damaged or not the published archive"):
            locate(catalogue.CIFAR10, str(tmp_path)).test()


class TestFolder:
    def test_classes_are_the_folders_in_order(self, tmp_path: Path) -> None:
        files.write_image_folder(tmp_path)
        located = locate(catalogue.folder(16, 2), str(tmp_path))
        training, validation = located.development(split_seed=0, validation_share=0.34)
        assert isinstance(training, Files)
        assert isinstance(validation, Files)
        for part in (training, validation):
            assert [path.parent.name for path in part.paths] == [("cat", "dog")[label] for label in part.labels]
        assert len({*training.paths, *validation.paths}) == 12
        assert len(located.test()) == 12
        assert normalization(training) == IMAGENET

    def test_another_number_of_classes_is_told(self, tmp_path: Path) -> None:
        files.write_image_folder(tmp_path)
        with pytest.raises(DataMissing, match="holds 2 classes, --classes says 3"):
            locate(catalogue.folder(16, 3), str(tmp_path)).development(split_seed=0)


class TestPlaces:
    def test_order_of_places(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        files.write_mnist(tmp_path / "named" / "mnist")
        files.write_mnist(tmp_path / "environment" / "MNIST" / "raw")
        monkeypatch.setenv(places.VARIABLE, str(tmp_path / "environment"))
        assert locate(catalogue.MNIST, str(tmp_path / "named")).folder == tmp_path / "named" / "mnist"
        assert locate(catalogue.MNIST, None).folder == tmp_path / "environment" / "MNIST" / "raw"

    def test_a_named_folder_without_the_set_is_an_error_that_says_the_cure(self, tmp_path: Path) -> None:
        # Fashion-MNIST may well be on this machine: a folder that was named is not passed over for another.
        with pytest.raises(DataMissing) as raised:
            locate(catalogue.FASHION_MNIST, str(tmp_path))
        message = str(raised.value)
        assert f"looked into {tmp_path}, {tmp_path}/fashion-mnist" in message
        for word in (
            "nothing is downloaded",
            "train-images-idx3-ubyte",
            "dataset-fashion-mnist",
            "--data",
            "EVONAS_DATA",
        ):
            assert word in message

    @pytest.mark.parametrize("data_set", [catalogue.MNIST, catalogue.FASHION_MNIST, catalogue.CIFAR10])
    def test_a_part_of_the_files_is_not_the_set(self, tmp_path: Path, data_set: DataSet) -> None:
        files.write_mnist(tmp_path)
        (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
        for name, content in list(files.cifar("python").items())[1:]:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(DataMissing):
            locate(data_set, str(tmp_path))

    def test_a_trial_without_its_data_fails_with_one_line_and_is_no_infeasible_candidate(
        self, run_trial: RunTrial, tmp_path: Path
    ) -> None:
        ended = run_trial("evonas_trial.cnn", {}, "--dataset", "cifar10", "--data", str(tmp_path))
        assert (ended.exit_code, ended.report) == (1, None)
        assert ended.errors.startswith("evonas: the data set 'cifar10' was not found")
        assert ended.errors.count("\n") == 1


class TestSplit:
    @given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.floats(0, 1), st.integers(0, 5))
    def test_each_image_is_on_one_side_and_each_class_divided_alike(
        self, labels: list[int], share: float, seed: int
    ) -> None:
        array = numpy.array(labels)
        kept, held_out = stratified(array, share, seed)
        assert sorted([*kept, *held_out]) == list(range(len(labels)))
        for label in set(labels):
            assert abs((array[held_out] == label).sum() - share * labels.count(label)) <= 0.5
        assert [part.tolist() for part in stratified(array, share, seed)] == [kept.tolist(), held_out.tolist()]

    def test_a_limit_keeps_all_classes_in_proportion(self) -> None:
        labels = numpy.repeat(numpy.arange(3), [100, 200, 700])
        assert numpy.bincount(labels[subset(labels, 100, 0)]).tolist() == [10, 20, 70]
        assert len(subset(labels, 2000, 0)) == 1000

    def test_no_validation_image_is_an_error(self, tmp_path: Path) -> None:
        files.write_mnist(tmp_path)
        with pytest.raises(DataMissing, match=r"a share of 0.001 of 100 images leaves none for validation"):
            locate(catalogue.MNIST, str(tmp_path)).development(split_seed=0, validation_share=0.001)


def test_normalization_is_that_of_all_pixels() -> None:
    pixels = torch.randint(0, 256, (50, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pixels[:, 2] = 9
    found = normalization(Images(pixels, torch.zeros(50, dtype=torch.int64)))
    channels = pixels.double().transpose(0, 1).flatten(1)
    assert found.mean == pytest.approx(channels.mean(1).tolist())
    assert found.deviation[:2] == pytest.approx(channels.std(1, correction=0).tolist()[:2])
    assert found.deviation[2] == 1


@given(st.lists(st.integers(0, 8), min_size=1), st.lists(st.integers(0, 8), min_size=1))
def test_images_that_stay_where_they_are_stored_are_those_that_were_copied(first: list[int], second: list[int]) -> None:
    pixels = torch.arange(9 * 3 * 4, dtype=torch.uint8).view(9, 3, 2, 2)
    copied, stored = Images(pixels, torch.arange(9)), Images(pixels, torch.arange(9), torch.arange(9))
    assert (stored.is_mapped, copied.is_mapped) == (True, False)
    pairs = [tuple(whole.chosen(torch.tensor(indexes)) for whole in (copied, stored)) for indexes in (first, second)]
    pairs.append((images(joined(pairs[0][0], pairs[1][0])), images(joined(pairs[0][1], pairs[1][1]))))
    pairs.append((pairs[0][0].chosen(slice(1, 3)), pairs[0][1].chosen(slice(1, 3))))
    for one, other in pairs:
        assert other.is_mapped
        assert len(one) == len(other)
        assert (one.side, one.nbytes) == (other.side, other.nbytes) == (2, 12 * len(one))
        for found in (other, other.to(torch.device("cpu"))):
            assert torch.equal(one.pixels, found.pixels)
            assert torch.equal(one.labels, found.labels)
    assert normalization(pairs[0][1]) == IMAGENET


def test_parts_are_joined_in_order(tmp_path: Path) -> None:
    files.write_mnist(tmp_path)
    first, second = locate(catalogue.MNIST, str(tmp_path)).development(split_seed=3)
    both = images(joined(first, second))
    assert torch.equal(both.pixels, torch.cat([images(first).pixels, images(second).pixels]))
    assert torch.equal(both.labels, torch.cat([first.labels, second.labels]))


def test_fashion_mnist_of_debian(fashion_mnist: Located) -> None:
    training, validation = fashion_mnist.development(split_seed=0)
    assert (len(training), len(validation), len(fashion_mnist.test())) == (54_000, 6_000, 10_000)
    assert validation.labels.bincount().tolist() == [600] * 10
    # The published mean and deviation of all 60,000: 0.2860 and 0.3530 of 255.
    found = normalization(joined(training, validation))
    assert found.mean[0] / 255 == pytest.approx(0.2860, abs=1e-4)
    assert found.deviation[0] / 255 == pytest.approx(0.3530, abs=1e-4)
