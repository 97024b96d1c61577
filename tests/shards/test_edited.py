"""Files that decide a shard's numbers and change while it trains: no network of it is kept, and the file is named."""

import os

import numpy as np
import pytest

import lazyrich
from lazyrich.planning.plan import whole
from lazyrich.shards import replay as replaying
from lazyrich.shards import simulate as simulating
from lazyrich.sweep.reader import load_sweep

TRAINING = {"stability_fraction": 0.1, "steps": 3}


def save(path, seed, rows=8):
    rng = np.random.default_rng(seed)
    np.savez(path, X=rng.random((rows, 5)), y=rng.random(rows))


def of_data(path, samples):
    problem = {"source": "file", "path": str(path), "samples": {"values": samples}}
    return {"problem": problem, "network": {"width": 4, "laziness": 1}, "training": TRAINING}


def of_activation(path):
    path.write_text("from torch import sin as phi\n")
    network = {"activation": {"values": ["linear", f"{path}:phi"]}, "width": 4, "laziness": 1}
    return {"problem": {"samples": 3, "dimension": 6}, "network": network, "training": TRAINING}


def after_batch(monkeypatch, number, edit):
    """Have files edited once that many batches were trained; how many were is counted in what is returned."""
    trained = []
    train = simulating.evolve_with

    def evolve_with(*given, **options):
        result = train(*given, **options)
        trained.append(1)
        if len(trained) == number:
            edit()
        return result

    monkeypatch.setattr(simulating, "evolve_with", evolve_with)
    return trained


def same_times(path, seed):
    """Other data of the same size and the same time, as some copying programs leave them."""
    stat = path.stat()
    save(path, seed)
    assert path.stat().st_size == stat.st_size
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize("samples", [[4], [4, 6], [4, 6, 7]])
@pytest.mark.parametrize(
    "edit",
    [
        lambda path: save(path, 1),
        lambda path: same_times(path, 1),
        lambda path: save(path, 1, rows=3),
        lambda path: path.write_text("no data"),
        lambda path: path.unlink(),
    ],
    ids=["replaced", "same times", "shorter", "garbage", "removed"],
)
def test_data_that_change_while_networks_train_leave_none(tmp_path, monkeypatch, samples, edit):
    path = tmp_path / "d.npz"
    save(path, 0)
    recipe = whole(load_sweep(of_data(path, samples)))
    trained = after_batch(monkeypatch, 1, lambda: edit(path))
    with pytest.raises(ValueError, match=r"d\.npz: was (edited|removed) while these networks trained, .*; start again"):
        simulating.simulate(recipe)
    assert len(trained) == 1  # the time of the others is not lost


def test_data_that_change_in_the_last_batch_leave_none(tmp_path, monkeypatch):
    path = tmp_path / "d.npz"
    save(path, 0)
    after_batch(monkeypatch, 2, lambda: save(path, 1))
    with pytest.raises(ValueError, match=r"d\.npz: was (edited|removed) while these networks trained"):
        lazyrich.run(of_data(path, [4, 6]))


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("text", ["from torch import cos as phi\n", "", None])
def test_an_activation_that_changes_while_networks_train_leaves_none(tmp_path, monkeypatch, number, text):
    path = tmp_path / "own.py"
    sweep = of_activation(path)
    after_batch(monkeypatch, number, path.unlink if text is None else lambda: path.write_text(text))
    with pytest.raises(ValueError, match=r"own\.py:phi: its file was (edited|removed) while these networks trained"):
        lazyrich.run(sweep)


def test_an_error_of_its_own_keeps_its_words(tmp_path, monkeypatch):
    path = tmp_path / "d.npz"
    save(path, 0)

    def fail():
        raise ZeroDivisionError("of the engine")

    after_batch(monkeypatch, 1, fail)
    with pytest.raises(ZeroDivisionError, match="of the engine"):
        lazyrich.run(of_data(path, [4]))


def test_a_file_that_is_only_touched_is_the_same(tmp_path, monkeypatch):
    path = tmp_path / "d.npz"
    save(path, 0)
    whole_run = lazyrich.run(of_data(path, [4, 6]))
    after_batch(monkeypatch, 1, lambda: (save(path, 0), path.touch()))
    np.testing.assert_array_equal(lazyrich.run(of_data(path, [4, 6])).loss, whole_run.loss)


def test_an_activation_that_changes_during_a_replay_is_named(tmp_path, monkeypatch):
    path = tmp_path / "own.py"
    data = lazyrich.run(of_activation(path))
    train = replaying.train_realised

    def train_realised(*given):
        path.write_text("from torch import cos as phi\n")
        return train(*given)

    monkeypatch.setattr(replaying, "train_realised", train_realised)
    own = int(np.flatnonzero(data.activation != "linear")[0])
    with pytest.raises(ValueError, match=r"own\.py:phi: was edited since this network was trained"):
        replaying.replay(data, own)


def test_data_that_were_removed_since_they_were_planned_are_named(tmp_path):
    path = tmp_path / "d.npz"
    save(path, 0)
    recipe = whole(load_sweep(of_data(path, [4])))
    path.unlink()
    with pytest.raises(ValueError, match=r"d\.npz: was removed since these networks were planned; start again"):
        simulating.simulate(recipe)
