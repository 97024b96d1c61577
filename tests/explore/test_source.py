"""What the explorer reads of a results folder: sweeps that have begun, their summaries, one cell's networks."""

import gc
import os
import shutil
import threading
import weakref

import netCDF4
import numpy as np
import psutil
import pytest
import xarray as xr
import yaml

import lazyrich
from lazyrich.analysis.phases import Phase
from lazyrich.draw.trajectories import RECORDED
from lazyrich.explore.explorer import Explorer
from lazyrich.explore.source import Sources
from lazyrich.shards import archive, integrity

from .common import source
from .conftest import SWEEP


def test_only_sweeps_that_have_begun_can_be_chosen(folder):
    assert list(Sources(folder / "config/sweeps", folder / "results").files) == ["begun", "done"]
    with pytest.raises(ValueError, match="nothing is trained yet; run snakemake --cores all"):
        source(folder, "never")


def test_of_a_sweep_that_runs_finished_cells_are_shown_and_others_are_not_run(folder):
    begun = source(folder, "begun")
    assert not begun.complete and 0 < len(begun.there) < len(begun.shards)
    whole = lazyrich.analyse(lazyrich.run({**SWEEP, "seed": 1}), axes=SWEEP["figures"]["axes"])
    trained = begun.summary.networks == 2
    assert 0 < trained.sum() < trained.size
    assert (begun.summary.phase.where(~trained, drop=True).fillna(Phase.not_run) == Phase.not_run).all()
    xr.testing.assert_equal(begun.summary.phase.where(trained), whole.phase.where(trained))
    for cell in range(trained.size):
        found = begun.networks(cell, RECORDED)
        assert (found is None) == (not trained.values.ravel()[cell])


def test_a_shard_that_has_come_is_seen(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    begun = source(tmp_path / "copy", "begun")
    assert begun.refreshed() is begun
    name = begun.there[0]
    (begun.home / "shards" / f"{name}.sha256").unlink()
    assert len(begun.refreshed().there) == len(begun.there) - 1


def test_an_edited_sweep_is_not_shown_over_its_old_summary(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    path = tmp_path / "copy/config/sweeps/done.yaml"
    path.write_text(yaml.safe_dump({**SWEEP, "problem": {**SWEEP["problem"], "samples": {"values": [5, 6]}}}))
    edited = source(tmp_path / "copy", "done")
    assert edited.summary.samples.values.tolist() == [5, 6]
    assert (edited.summary.networks.sel(samples=6) == 0).all()
    assert set(edited.networks(0, RECORDED).samples.values) == {5}


def test_edited_thresholds_are_not_shown_over_their_old_summary(folder, tmp_path):
    """Thresholds are no part of the recipe; a title changes nothing; a summary that does not say what it is of is not taken."""
    shutil.copytree(folder, tmp_path / "copy")
    path = tmp_path / "copy/config/sweeps/done.yaml"
    before, on_disk = source(tmp_path / "copy", "done"), tmp_path / "copy/results/done/summary.nc"
    path.write_text(yaml.safe_dump({**SWEEP, "title": "Another", "phases": {"kernel_change": 1e9}}))
    edited = before.refreshed()
    assert edited is not before
    assert (
        Phase.rich_two_stage in before.fields(["phase"]).phase
        and Phase.rich_two_stage not in edited.fields(["phase"]).phase
    )
    assert _read_from(before) == str(on_disk) and _read_from(edited) is None
    path.write_text(yaml.safe_dump({**SWEEP, "title": "Another"}))
    assert _read_from(source(tmp_path / "copy", "done")) == str(on_disk)
    with archive.read(on_disk) as data:
        old = data.load().copy()
    del old.attrs["analysed"]
    integrity.write(old, on_disk)
    assert _read_from(source(tmp_path / "copy", "done")) is None


def empty(path):
    path.write_bytes(b"")


def text(path):
    path.write_text("not netCDF")


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


def flipped(path):
    """One bit in the middle, where the numbers are."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def without_phases(path):
    with netCDF4.Dataset(path, "a") as file:
        file.renameVariable("phase", "faze")


def a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [empty, text, cut, flipped, without_phases, a_folder])
def test_a_sweep_whose_summary_is_damaged_stops_no_other(damage, folder, tmp_path, caplog):
    shutil.copytree(folder, tmp_path / "copy")
    path = tmp_path / "copy/results/done/summary.nc"
    damage(path)
    stamp = max(file.stat().st_mtime for file in path.parent.glob("shards/*")) + 1
    os.utime(path, (stamp, stamp))
    sources = Sources(tmp_path / "copy/config/sweeps", tmp_path / "copy/results")
    assert sources.readable("done") == "begun"
    assert f"done is left out: {path}: is no" in caplog.text and "delete it, then run snakemake" in caplog.text
    assert list(sources.files) == ["begun"]
    caplog.clear()
    sources.look()
    assert list(sources.files) == ["begun"] and not caplog.text  # said once
    # Made anew, it is back.
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in ("summary.nc", "summary.sha256"):
        shutil.copyfile(folder / "results/done" / name, path.with_name(name))
    sources.look()
    assert sources.readable("done") == "done"


@pytest.mark.parametrize("damage", [empty, text, cut])
def test_a_sweep_whose_shard_is_damaged_stops_no_other(damage, folder, tmp_path, caplog):
    shutil.copytree(folder, tmp_path / "copy")
    begun = source(tmp_path / "copy", "begun")
    damage(begun.path(begun.there[0]))
    sources = Sources(tmp_path / "copy/config/sweeps", tmp_path / "copy/results")
    page = Explorer(sources)  # of the first that can be read
    assert page.session.source.name == "done"
    assert f"begun is left out: {begun.path(begun.there[0])}: is damaged (" in caplog.text


def test_where_no_sweep_can_be_read_that_is_said(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy/results/begun")
    text(tmp_path / "copy/results/done/summary.nc")
    sources = Sources(tmp_path / "copy/config/sweeps", tmp_path / "copy/results")
    with pytest.raises(ValueError, match="holds no sweep that can be read; .*summary.nc: is not what was written"):
        sources.readable()


def test_a_cell_whose_shard_is_damaged_is_named(folder, tmp_path):
    """While the summary is whole: the damage came after the analysis, and the file looks no newer."""
    shutil.copytree(folder, tmp_path / "copy")
    page = Explorer(Sources(tmp_path / "copy/config/sweeps", tmp_path / "copy/results"))
    page.session.state.sweep = "done"
    path = page.session.source.path(page.session.source.there[-1])
    before = path.stat()
    cut(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    page.session.state.cell = int(page.session.source.places(path.stem)[0][0])
    assert f"there are no trajectories, for {path}: is damaged (" in page.words["cell"].object


def _read_from(source):
    """Which file a source's summary is read from; None where it is made of shards."""
    return str(source._stored.path) if source._stored else None


def test_a_sweep_file_that_is_wrong_stops_no_other(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    found = Sources(tmp_path / "copy/config/sweeps", tmp_path / "copy/results")
    shown = found.get("done")
    (tmp_path / "copy/config/sweeps/done.yaml").write_text("problem: [")
    found.look()
    assert found.get("done") is shown
    assert list(Sources(tmp_path / "copy/config/sweeps", tmp_path / "copy/results").files) == ["begun"]


def test_a_source_goes_with_the_last_look_at_it(folder, tmp_path):
    done = source(folder, "done")
    done.lines(("lazy_rich_predicted",), "laziness", "growth_per_step", (("samples", 0),))
    done.networks(0, RECORDED)
    gone = weakref.ref(done)
    del done
    gc.collect()
    assert gone() is None


def test_networks_of_a_cell_are_all_replicates_as_they_were_trained(folder):
    done, run = source(folder, "done"), lazyrich.run(SWEEP)
    grid = done.summary.phase
    for cell in (0, 17, grid.size - 1):
        found = done.networks(cell, RECORDED)
        place = dict(zip(grid.dims, np.unravel_index(cell, grid.shape), strict=True))
        here = done.summary.isel(place)
        rows = (run.samples == here.samples) & np.isclose(run.laziness, here.laziness)
        rows &= np.isclose(run.growth_per_step, here.growth_per_step)
        expected = run.isel(network=np.flatnonzero(rows))
        np.testing.assert_array_equal(found.replicate, [0, 1])
        np.testing.assert_array_equal(found.loss.values, expected.loss.values)


def test_a_page_shows_what_is_known_while_another_one_reads(folder):
    sources = Sources(folder / "config/sweeps", folder / "results")
    known = sources.get("done")
    found = []
    with sources._reading:  # as a thread that reads another sweep holds it
        asking = threading.Thread(target=lambda: found.append(sources.get("done")), daemon=True)
        asking.start()
        asking.join(10)
    assert found == [known]


def test_a_summary_that_has_been_written_anew_is_not_mixed_with_the_old_one(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    done = source(tmp_path / "copy", "done")
    path = done.home / "summary.nc"
    with archive.read(path) as data:
        archive.write(data.load().isel(laziness=slice(1, None)), path)
    with pytest.raises(OSError, match=r"summary.nc: has just been written anew"):
        done.fields(["kernel_change"])


def test_no_file_stays_open(folder):
    """What is open is closed by the garbage collector, in the middle of whatever HDF5 is doing in another thread."""
    done = source(folder, "done")
    done.fields(["phase", "kernel_change"])
    done.plane({"samples": 1})
    done.networks(0, RECORDED)
    assert not [file.path for file in psutil.Process().open_files() if file.path.startswith(str(folder))]
