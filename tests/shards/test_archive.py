"""Files on disk: CF, self-explaining, opened by plain xarray, written whole or not at all."""

import json
import subprocess
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from compliance_checker.runner import CheckSuite, ComplianceChecker

import lazyrich
from lazyrich.engines.select import modules
from lazyrich.engines.trajectories import Status
from lazyrich.shards import archive
from lazyrich.shards.source import source_of
from lazyrich.system.provenance import fingerprint
from tests.shared import ALWAYS


@pytest.fixture(scope="module")
def run():
    """Networks that converge, run on and diverge, with every observable and probes."""
    return lazyrich.run(
        {
            "problem": {
                "samples": 4,
                "dimension": 50,
                "test_samples": 3,
                "noise_std": {"values": [0.2, 0.1]},
                "source": {"values": ["gaussian", "uniform"]},
            },
            "network": {
                "width": {"values": [100, 10]},
                "laziness": {"values": [0.1, 1.0]},
                "probes": {"count": 3, "keep": True},
            },
            "training": {
                "growth_per_step": {"values": [1e-3, 0.3, 30.0]},
                "steps": 100,
                "loss": {"values": ["mse", "half_mse"]},
            },
            "record": {"points": 12, "observables": list(ALWAYS)},
            "zip": [["width", "laziness"]],
            "replicates": 2,
        }
    )


@pytest.fixture(scope="module")
def files(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    archive.write(run, folder / "shard.nc")
    archive.write(lazyrich.analyse(run), folder / "summary.nc")
    return folder


@pytest.mark.parametrize("name", ["shard.nc", "summary.nc"])
def test_the_cf_checker_finds_nothing(files, name, tmp_path):
    CheckSuite.load_all_available_checkers()
    report = tmp_path / "report.json"
    passed, errors = ComplianceChecker.run_checker(
        str(files / name), ["cf:1.11"], 0, "normal", output_filename=str(report), output_format="json"
    )
    found = json.loads(report.read_text())["cf:1.11"]
    assert not errors, found
    assert found["high_count"] + found["medium_count"] + found["low_count"] == 0, found
    assert passed


@pytest.mark.parametrize("name", ["shard.nc", "summary.nc"])
def test_ncinfo_explains_the_file(files, name):
    ncinfo = Path(sys.executable).with_name("ncinfo")
    text = subprocess.run([ncinfo, files / name], capture_output=True, text=True, check=True).stdout
    for word in ("CF-1.11", "title:", "comment:", "recipe:", "source_fingerprint", "Huang"):
        assert word in text
    with netCDF4.Dataset(files / name) as file:
        for variable in file.variables.values():
            assert variable.long_name
            assert hasattr(variable, "units") or hasattr(variable, "flag_meanings") or variable.dtype is str


def test_a_shard_comes_back_in_plain_xarray(run, files):
    with xr.open_dataset(files / "shard.nc") as back:
        assert back.sizes == run.sizes
        np.testing.assert_array_equal(back.loss, run.loss)
        assert back.loss.dtype == np.float64
        assert back.rho.dtype == np.float32
        np.testing.assert_allclose(back.rho, run.rho, rtol=1e-7)
        np.testing.assert_array_equal(back.width, run.width)
        assert json.loads(back.attrs["recipe"]) == json.loads(run.attrs["recipe"])
        assert back.rho_r.dims == ("network", "record", "probe")


def test_missing_diverged_and_not_reached_are_told_apart_on_disk(files):
    with xr.open_dataset(files / "shard.nc") as data:
        meanings = dict(zip(data.status.flag_meanings.split(), data.status.flag_values, strict=True))
        assert meanings == {status.name: status.value for status in Status}
        diverged = data.status == meanings["diverged"]
        assert diverged.any()
        assert np.isnan(data.loss[diverged][:, -1]).all()
        running = data.status == meanings["running"]
        assert np.isnan(data.end_step[running]).all()  # not reached
        assert np.isfinite(data.loss[running]).all()


def test_provenance_names_the_very_source(files):
    with xr.open_dataset(files / "shard.nc") as data:
        assert data.attrs["source_fingerprint"] == source_of(["propagator"])
        assert data.attrs["engine"] == "propagator"
        assert data.attrs["device"] == "cpu"
        for name in ("lazyrich_version", "commit", "dirty", "data_checksum", "history", "source"):
            assert name in data.attrs


def test_the_data_checksum_follows_the_data():
    def checksum(seed):
        sweep = {
            "problem": {"samples": 3, "dimension": 9},
            "network": {"width": 4, "laziness": 1},
            "training": {"learning_rate": 0.1, "steps": 1},
            "seed": seed,
        }
        return lazyrich.run(sweep).attrs["data_checksum"]

    assert checksum(1) == checksum(1) != checksum(2)


def test_a_write_that_fails_leaves_the_old_file_and_no_other(run, tmp_path, monkeypatch):
    path = tmp_path / "shard.nc"
    archive.write(run, path)
    before = path.read_bytes()

    def broken(self, target, **_):
        Path(target).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(xr.Dataset, "to_netcdf", broken)
    with pytest.raises(OSError, match="disk full"):
        archive.write(run, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_one_trajectory_is_read_from_one_chunk(run, tmp_path):
    archive.write(run, tmp_path / "shard.nc")
    with netCDF4.Dataset(tmp_path / "shard.nc") as file:
        networks, records = file["loss"].chunking()
        assert records == run.sizes["record"]
        assert networks == min(archive.CHUNK_NETWORKS, run.sizes["network"])


def test_fingerprints_follow_code_but_not_words(tmp_path, monkeypatch):
    """A docstring or a comment changes no fingerprint, an engine's code changes that of simulations only."""
    import shutil

    from lazyrich.system import provenance

    package = tmp_path / "lazyrich"
    shutil.copytree(provenance.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", package)

    def prints():
        for cached in (fingerprint, provenance._code, provenance._imports):
            cached.cache_clear()
        simulation = fingerprint("lazyrich.shards.simulate", *modules(["propagator"]))
        return simulation, fingerprint("lazyrich.draw.figures"), fingerprint("lazyrich.draw.report")

    def edit(name, old, new):
        path = package / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    start = prints()
    edit("engines/propagator.py", '"""The propagator engine', '"""The famous propagator engine')
    edit("draw/maps.py", "# Clipped here", "# Cut off here")
    assert prints() == start
    edit("draw/map_frame.py", "SIZE = ", "SIZE = 1 + ")
    drawn = prints()
    assert drawn[0] == start[0]
    assert drawn[1] != start[1]
    edit("draw/pages/report.html", "Diagrams", "Pictures")
    assert prints()[2] != drawn[2]
    edit("engines/trajectories.py", "DIVERGED = 1e12", "DIVERGED = 1e13")
    assert prints()[0] != start[0]
    fingerprint.cache_clear()


@pytest.mark.parametrize("cut", [0, 8, 1000, -1])
def test_a_file_that_cannot_be_read_is_named_with_the_fix(cut, files, tmp_path):
    content = (files / "shard.nc").read_bytes()
    path = tmp_path / "shard.nc"
    path.write_bytes(content[:cut])
    said = rf"^{path}: is damaged \([A-Za-z ]+\); delete it, then run snakemake again$"
    with pytest.raises(ValueError, match=said), archive.opened(path) as data:
        data.load()


def test_numbers_that_cannot_be_read_once_a_file_is_open_name_it_too(files, tmp_path):
    """netCDF says "HDF error" then, and nothing else."""
    path = tmp_path / "flipped.nc"
    values = np.random.default_rng(0).random(20_000)
    xr.Dataset({"loss": ("record", values)}).to_netcdf(path, engine="netcdf4", encoding={"loss": {"zlib": True}})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{path}: is damaged"), archive.opened(path) as data:
        assert data.sizes == {"record": 20_000}
        data.load()


@pytest.mark.parametrize(
    "error", [FileNotFoundError(2, "no such file", "x"), RuntimeError("of the reader"), KeyError("y")]
)
def test_other_errors_stay_what_they_are(error, files):
    with pytest.raises(type(error)) as raised, archive.opened(files / "shard.nc"):
        raise error
    assert raised.value is error
