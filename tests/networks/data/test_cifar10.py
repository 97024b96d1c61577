"""CIFAR-10's folder: read as it was written; a missing, short or altered file is one clear message. Sizes are the real ones."""

import os

import numpy as np
import pytest

from lazyrich.networks.data import cifar10
from lazyrich.networks.data.source import data_of
from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.schema import SweepError

from . import fake

SWEEP = {
    "problem": {"source": "cifar10", "samples": 10, "classes": [3, 5], "targets": "one_vs_rest", "inputs": "scaled"},
    "network": {"width": 20, "laziness": 1},
    "training": {"stability_fraction": 0.1, "steps": 1},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A sound one."""
    return fake.make(tmp_path_factory.mktemp("cifar10") / "cifar-10-batches-bin")


def sweep(folder, **changes):
    return {**SWEEP, "problem": {**SWEEP["problem"], "path": str(folder), **changes}}


def test_images_and_labels_are_those_of_the_files(folder):
    pool = cifar10.pool(folder)
    assert (len(pool), pool.dimension) == (50_000, 3072)
    for batch, name in enumerate(cifar10.TRAINING):
        written = fake.records(name)
        index = batch * 10_000 + np.arange(fake.DRAWN)
        np.testing.assert_array_equal(pool.labels[index], written[:, 0])
        np.testing.assert_array_equal(pool.rows(index), written[:, 1:])
    assert not pool.rows(np.array([9_999, 49_999])).any()


def test_test_images_are_those_of_the_test_batch_taken_as_training_images_are(folder):
    held_out = cifar10.pool(folder).held_out
    written = fake.records("test_batch.bin")
    np.testing.assert_array_equal(held_out.labels[: fake.DRAWN], written[:, 0])
    np.testing.assert_array_equal(held_out.rows(np.arange(fake.DRAWN)), written[:, 1:])
    assert len(held_out) == 10_000
    # The same six of both classes at any seed, as there are no others; the rest of the file is black and of class 0.
    problem = {**sweep(folder)["problem"], "classes": "3-5", "samples": 30, "test_samples": 12}
    found = data_of(problem, 5, 2)
    of_class = written[np.isin(written[:, 0], [3, 5])]
    assert {row.tobytes() for row in found.X_test} == {row.tobytes() for row in of_class[:, 1:] / 255}
    np.testing.assert_array_equal(found.y_test, np.resize([1.0, -1.0], 12))
    load_sweep(sweep(folder, test_samples=12))
    with pytest.raises(SweepError, match=r"test_samples = 13: taken in turns of the classes 3-5 .* write at most 12"):
        load_sweep(sweep(folder, test_samples=13))


def test_a_sound_folder_is_accepted_and_its_digest_is_its_images(folder, tmp_path):
    load_sweep(sweep(folder))
    assert cifar10.digest(fake.make(tmp_path / "copy")) == cifar10.digest(folder)


def cut(folder):
    os.truncate(folder / "data_batch_3.bin", 30_729_999)


def prolong(folder):
    os.truncate(folder / "test_batch.bin", 30_730_001)


def write(name, at, value):
    def damage(folder):
        with (folder / name).open("r+b") as file:
            file.seek(at)
            file.write(value)

    return damage


@pytest.mark.parametrize(
    ("damage", "file", "words"),
    [
        (lambda folder: (folder / "data_batch_4.bin").unlink(), "", "has no data_batch_4.bin"),
        (lambda folder: (folder / "test_batch.bin").unlink(), "", "has no test_batch.bin"),
        (lambda folder: (folder / "batches.meta.txt").unlink(), "", "has no batches.meta.txt"),
        (cut, "data_batch_3.bin", "has 30729999 bytes where 10000 images have 30730000"),
        (prolong, "test_batch.bin", "has 30730001 bytes where 10000 images have 30730000"),
        (
            write("data_batch_2.bin", 3073 * 700, b"\x0a"),
            "data_batch_2.bin",
            "image 700 has label 10 where labels are 0 to 9",
        ),
        (write("data_batch_5.bin", 30_729_999, b"\x01"), "data_batch_5.bin", "was altered"),
        (write("test_batch.bin", 3073, b"\x07"), "test_batch.bin", "was altered"),
        (write("batches.meta.txt", 0, b"airship!"), "batches.meta.txt", "does not name the ten classes"),
        (
            lambda folder: (folder / "SHA256SUMS").write_text("0 data_batch_1.bin\n"),
            "SHA256SUMS",
            "no sum of data_batch_2.bin",
        ),
        (lambda folder: (folder / "SHA256SUMS").write_text(""), "SHA256SUMS", "has no sum of data_batch_1.bin"),
        # Without a list of its own the folder is held against the official files.
        (lambda folder: (folder / "SHA256SUMS").unlink(), "data_batch_1.bin", "by the official file cee916563c9f80d8"),
    ],
)
def test_a_wrong_folder_is_one_clear_message(tmp_path, damage, file, words):
    folder = fake.make(tmp_path / "cifar-10-batches-bin")
    damage(folder)
    with pytest.raises(SweepError) as caught:
        load_sweep(sweep(folder))
    message = str(caught.value)
    assert message.startswith(f"sweep: problem.path: {os.path.relpath(folder / file)}: ")
    assert words in message
    assert ";" in message
    assert "\n" not in message


def test_a_file_in_place_of_the_folder_is_one_clear_message(tmp_path):
    (tmp_path / "data.bin").write_bytes(b"")
    with pytest.raises(SweepError, match=r"problem.path = .*data.bin: no such folder .*fetch_cifar10"):
        load_sweep(sweep(tmp_path / "data.bin"))


def test_more_images_of_a_class_than_there_are_is_one_clear_message(folder):
    """300 of class 3 in five files of which every tenth of 60 is one; the others are black and of class 0."""
    load_sweep(sweep(folder, samples=60))
    with pytest.raises(SweepError, match=r"problem.samples = 61: .*3-5.* more than the data have; write at most 60"):
        load_sweep(sweep(folder, samples=61))
