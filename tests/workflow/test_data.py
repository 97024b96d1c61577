"""Data that are there already, in real Snakemake: what is wrong with them stops it before any job; CIFAR-10 is fetched.

The archive comes from a server on this machine; its files are made up, of the real sizes. Tests run in the order of the file.
"""

import functools
import hashlib
import http.server
import os
import shutil
import socket
import threading

import numpy as np
import pytest
import xarray as xr
import yaml

from tests.networks.data import fake

from .conftest import LINE

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

IMAGES = {
    **LINE,
    "problem": {
        "source": "cifar10",
        "path": "../../data/cifar-10-batches-bin",
        "samples": {"values": [4, 6]},
        "classes": {"values": ["3-5", [0, 1, 8]]},
        "targets": "one_vs_rest",
        "inputs": "scaled",
    },
}


class Server(http.server.ThreadingHTTPServer):
    """Files of a folder on this machine alone, and every request that came."""

    def __init__(self, folder):
        self.requests = []
        handler = functools.partial(Handler, directory=str(folder))
        super().__init__(("127.0.0.1", 0), handler)

    def url(self, name):
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_request(self, code="-", size="-"):
        self.server.requests.append((self.command, self.path))

    def log_error(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """With the archive `a.tar.gz` of a made-up distribution."""
    folder = tmp_path_factory.mktemp("served")
    fake.pack(fake.make(tmp_path_factory.mktemp("made") / "cifar-10-batches-bin", sums=False), folder / "a.tar.gz")
    server = Server(folder)
    server.archive = folder / "a.tar.gz"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def closed_port():
    """An address of this machine that nobody listens to."""
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{own.getsockname()[1]}/a.tar.gz"


def configure(project, server, **changes):
    """The configuration with the one sweep `images`, and the server's archive."""
    settings = {
        "url": server.url("a.tar.gz"),
        "size": server.archive.stat().st_size,
        "sha256": hashlib.sha256(server.archive.read_bytes()).hexdigest(),
        **changes,
    }
    text = yaml.safe_dump({"sweeps": ["images"], "device": "auto", "results": "results", "cifar10": settings})
    (project.root / "config/config.yaml").write_text(text)


def stopped(done):
    """The output of a run that stopped before any job."""
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert "Job stats" not in done.stdout
    assert "Finished job" not in done.stdout
    return done.stdout


def test_without_the_folder_nothing_runs_and_no_host_is_asked(project, server):
    project.sweep("images", IMAGES)
    configure(project, server)
    said = stopped(project.snakemake("--dry-run", check=False))
    assert "config/sweeps/images.yaml: problem.path = ../../data/cifar-10-batches-bin: no such folder" in said
    assert "snakemake --cores 1 fetch_cifar10" in said
    assert not server.requests


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sha256": "0" * 64}, f"where {'0' * 64} is expected; fix `cifar10` in config/config.yaml"),
        ({"size": 7}, "bytes where 7 are expected"),
    ],
)
def test_another_archive_than_was_named_is_refused(project, server, changes, words):
    configure(project, server, **changes)
    done = project.snakemake("fetch_cifar10", check=False)
    assert done.returncode != 0
    assert words in done.stdout
    assert "Traceback" not in done.stdout
    assert not (project.root / "data/cifar-10-batches-bin").exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (lambda server: server.url("b.tar.gz"), "is not to be had (404 File not found); "),
        (lambda server: closed_port(), "cannot be reached (ConnectionError); "),
    ],
)
def test_an_archive_that_is_not_there_is_one_clear_message(project, server, url, words):
    configure(project, server, url=url(server))
    said = stopped(project.snakemake("fetch_cifar10", check=False))
    assert "config/config.yaml: cifar10.url = http://127.0.0.1:" in said
    assert words in said


@pytest.mark.parametrize("changes", [{"url": "ftp://127.0.0.1/a.tar.gz"}, {"sha256": "c32a1d4a"}, {"size": 0}])
def test_a_wrong_setting_is_one_clear_message(project, server, changes):
    configure(project, server, **changes)
    (key,) = changes
    assert f"config/config.yaml: cifar10.{key} = {changes[key]}: " in stopped(
        project.snakemake("--dry-run", check=False)
    )


def test_it_is_fetched_when_asked_for_and_then_trained_on(project, server):
    configure(project, server)
    server.requests.clear()
    project.snakemake("fetch_cifar10")
    assert server.requests.count(("GET", "/a.tar.gz")) == 1
    folder = project.root / "data/cifar-10-batches-bin"
    assert {path.name for path in folder.iterdir()} == {"SHA256SUMS", "batches.meta.txt", *fake.cifar10.BATCHES}
    server.requests.clear()
    project.snakemake("results/images/summary.nc")
    assert not server.requests
    (shard,) = (project.root / "results/images/shards").glob("*.nc")
    with xr.open_dataset(shard) as data:
        assert set(zip(data.samples.values, data.classes.values, strict=True)) == {
            (samples, classes) for samples in (4, 6) for classes in ("3-5", "0-1-8")
        }
        assert (data.dimension == 3072).all()
        assert (data.loss_end < data.loss_start).all()
        assert data.attrs["data_checksum"] == fake.cifar10.digest(folder)
    with xr.open_dataset(project.root / "results/images/summary.nc") as summary:
        assert summary.classes.values.tolist() == ["3-5", "0-1-8"]
    assert "Nothing to be done" in project.snakemake("fetch_cifar10").stdout
    assert project.jobs("results/images/summary.nc") == {}


def test_a_file_that_is_new_trains_again_if_it_is_another_one(project, server):
    """A touched file is the same data, whose shard keeps its name; another image is another shard."""
    before = {path.name for path in (project.root / "results/images/shards").glob("*.nc")}
    folder = project.root / "data/cifar-10-batches-bin"
    with (folder / "data_batch_1.bin").open("r+b") as file:
        file.seek(30_729_000)
        file.write(b"\x01")
    said = stopped(project.snakemake("--dry-run", check=False))
    assert "config/sweeps/images.yaml: problem.path: data/cifar-10-batches-bin/data_batch_1.bin: was altered" in said
    fake.write_sums(folder)
    assert project.jobs("results/images/summary.nc")["simulate_shard"] == 1
    project.snakemake("results/images/summary.nc")
    assert len({path.name for path in (project.root / "results/images/shards").glob("*.nc")} - before) == 1


def pickled(folder):
    np.savez(folder / "mine.npz", X=np.array([[{}, 1], [2, 3]], dtype=object), y=np.ones(2))


def with_nan(folder):
    np.savez(folder / "mine.npz", X=np.array([[np.nan, 1], [2, 3]]), y=np.ones(2))


def short(folder):
    os.truncate(folder / "data_batch_2.bin", 3073)


def mislabelled(folder):
    with (folder / "data_batch_2.bin").open("r+b") as file:
        file.write(b"\xff")


@pytest.mark.parametrize(
    ("problem", "damage", "words"),
    [
        ({}, lambda folder: (folder / "data_batch_2.bin").unlink(), "has no data_batch_2.bin"),
        ({}, short, "data_batch_2.bin: has 3073 bytes where 10000 images have 30730000"),
        ({}, mislabelled, "data_batch_2.bin: image 0 has label 255 where labels are 0 to 9"),
        (
            {"samples": 20_000},
            None,
            "problem.samples = 20000: taken in turns of the classes 0-1-8 are more than the data",
        ),
        ({"source": "digits", "path": None, "samples": 1798, "classes": None}, None, "write at most 1797"),
        ({"source": "file", "path": "mine.npz", "samples": None, "classes": None}, pickled, "without pickles"),
        ({"source": "file", "path": "mine.npz", "samples": None, "classes": None}, with_nan, "X holds NaN"),
    ],
)
def test_wrong_data_stop_before_any_job(project, problem, damage, words):
    folder = project.root / "config/sweeps"
    if problem.get("source") is None:
        folder = fake.make(project.root / "data/other")
        problem = {**problem, "path": "../../data/other"}
    if damage:
        damage(folder)
    wanted = {key: value for key, value in {**IMAGES["problem"], **problem}.items() if value is not None}
    project.sweep("images", {**IMAGES, "problem": wanted})
    said = stopped(project.snakemake("--dry-run", check=False))
    assert "config/sweeps/images.yaml: problem." in said
    assert words in said
    shutil.rmtree(project.root / "data/other", ignore_errors=True)
