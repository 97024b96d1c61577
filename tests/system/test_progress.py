"""Progress: what engines and the analysis tell, how it reads in a log, and that it is quiet elsewhere and changes no number."""

import io
import logging
import os
import pty
import re
import subprocess
import sys
import termios
import time
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from snakemake_interface_logger_plugins.common import LogEvent

import lazyrich
from lazyrich.analysis import summary
from lazyrich.planning.plan import plan, whole
from lazyrich.planning.status import share_done
from lazyrich.shards import archive
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep
from lazyrich.system import progress, provenance
from lazyrich.system.errors import LazyrichError
from lazyrich.system.job import logged
from snakemake_logger_plugin_lazyrich import LogHandler

SWEEP = {
    "problem": {"samples": 3, "dimension": 10},
    "network": {"width": 4, "laziness": {"log": [0.1, 10], "points": 30}},
    "training": {"growth_per_step": {"values": [0.1, 0.3]}, "tau": 5},
    "record": {"points": 4},
}
NETWORKS = 60
GELU = {**SWEEP, "network": {**SWEEP["network"], "activation": "gelu"}}


@pytest.fixture
def log(monkeypatch):
    """A log in memory that takes every word of progress."""
    monkeypatch.setattr(progress, "SECONDS", 0.0)
    file = io.StringIO()
    with progress.to_log(file):
        yield file


def counts(log):
    """What the lines of a log have counted; every line must be one of progress."""
    return [progress.read(line) for line in log.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("sweep", "engine", "threads", "at_least"),
    [
        (SWEEP, None, 1, NETWORKS // 16),  # chunks of two octets
        (SWEEP, None, 2, NETWORKS // 16),
        (GELU, None, 1, 20),  # steps of one piece
        (SWEEP, "dense", 1, NETWORKS),
    ],
)
def test_engines_tell_how_far_they_are_until_all_is_done(log, monkeypatch, sweep, engine, threads, at_least):
    # The engines alone, without what `simulate` adds after each batch.
    monkeypatch.setattr(progress, "reach", lambda count: None)
    simulate(whole(load_sweep(sweep)), engine=engine, device="cpu", threads=threads)
    found = counts(log)
    assert len(set(found)) >= at_least
    assert all(total == NETWORKS for _, total in found)
    assert found == sorted(found)
    assert found[-1] == (NETWORKS, NETWORKS)


def test_the_torch_engine_tells_its_steps_too(log, monkeypatch):
    monkeypatch.setattr("lazyrich.engines.select.MOST_LANE_SAMPLES", 1)
    monkeypatch.setattr(progress, "reach", lambda count: None)
    # So long that every network ends before its last step, with nothing left to learn.
    mild = {"width": 4, "laziness": {"log": [0.1, 1], "points": NETWORKS}}
    data = lazyrich.run(
        {**SWEEP, "network": mild, "training": {"growth_per_step": 0.3, "tau": 200}}, device="cpu", threads=2
    )
    assert (data.loss_end < 1e-20).all()
    assert len(log.getvalue().splitlines()) > NETWORKS
    assert counts(log)[-1] == (NETWORKS, NETWORKS)


def test_networks_that_cannot_be_trained_count_as_done(log):
    never = {"growth_per_step": {"values": [0.1, 1e-17]}, "tau": 5}
    data = lazyrich.run({**GELU, "training": never}, device="cpu", threads=1)
    assert (data.reason.values != 0).sum() == NETWORKS / 2
    assert counts(log)[-1] == (NETWORKS, NETWORKS)


@pytest.fixture
def blocks_of_20(monkeypatch):
    """Blocks of the summary's grid are of twenty networks."""
    monkeypatch.setattr(summary, "_network_bytes", lambda *_: 1)
    monkeypatch.setattr(summary, "BLOCK", 20)


def test_the_analysis_tells_how_far_it_is(log, tmp_path, monkeypatch, blocks_of_20):
    monkeypatch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", 20)
    sweep = load_sweep(SWEEP)
    paths = []
    for name, shard in plan(sweep).items():
        paths.append(tmp_path / f"{name}.nc")
        archive.write(archive.described(simulate(shard, device="cpu"), shard), paths[-1])
    log.truncate(0)
    log.seek(0)
    summary.summarise(paths, whole(sweep), threads=2)
    assert counts(log) == [(1, 3), (2, 3), (3, 3)]
    assert " blocks (" in log.getvalue()


def test_an_analysis_in_memory_tells_it_too(log, blocks_of_20):
    data = lazyrich.run(SWEEP, device="cpu", threads=1)
    log.truncate(0)
    log.seek(0)
    lazyrich.analyse(data)
    assert counts(log) == [(1, 3), (2, 3), (3, 3)]


def test_a_line_has_share_rate_and_time_left(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    file = io.StringIO()
    with progress.to_log(file), progress.shown(100, "networks"):
        now[0] = 9.0
        progress.advance(20.9)
        assert file.getvalue() == ""  # ten seconds apart
        now[0] = 10.0
        progress.advance(0.1)
        now[0] = 19.0
        progress.advance()
        now[0] = 20.0
        progress.reach(60)
    assert file.getvalue().splitlines() == [
        "21 of 100 networks (21%),  2.10 networks/s, 00:37 left",
        "60 of 100 networks (60%),  3.00 networks/s, 00:13 left",
    ]
    assert progress.read("done in 3.1 s") is None


def test_numbers_are_the_same_with_and_without(log):
    with_log = [lazyrich.run(sweep, device="cpu", threads=2) for sweep in (SWEEP, GELU)]
    with progress.to_log(None):
        without = [lazyrich.run(sweep, device="cpu", threads=2) for sweep in (SWEEP, GELU)]
    assert counts(log)
    for one, other in zip(with_log, without, strict=True):
        xr.testing.assert_identical(one.drop_attrs(), other.drop_attrs())


def test_a_better_bar_trains_nothing_again():
    assert not any(
        "progress" in path for path in provenance._reached(("lazyrich.shards.simulate", "lazyrich.analysis.summary"))
    )


SCRIPT = f"""
import time
import lazyrich
from lazyrich.system import progress
progress.SHORTEST = 0.0
data = lazyrich.run({SWEEP!r}, device="cpu", threads=1)
lazyrich.analyse(data)
with progress.shown(4, "networks"):
    time.sleep(0.2)  # longer than tqdm waits before it draws again
    progress.advance()
"""


def test_quiet_where_there_is_no_terminal():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""


def test_a_bar_on_a_terminal():
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stderr=theirs, stdout=subprocess.PIPE) as process:
        os.close(theirs)
        shown = read_terminal(ours)
        assert process.stdout.read() == b""
    assert process.returncode == 0
    assert shown.count(" 0/60 [00:00<?, ? networks/s]") == 1  # training
    assert shown.count(" 0/1 [00:00<?, ? blocks/s]") == 1  # analysis
    assert re.search(r" 1/4 \[00:00<00:00, +[\d.]+ networks/s\]", shown)
    assert shown.endswith("\r")  # and no trace is left


def read_terminal(descriptor):
    """All that is written to a pseudo-terminal until its other end is closed."""
    found = b""
    while True:
        try:
            part = os.read(descriptor, 4096)
        except OSError:  # Linux's way of saying that it was closed
            break
        if not part:
            break
        found += part
    os.close(descriptor)
    return found.decode()


def test_a_jobs_log_ends_with_what_became_of_it(tmp_path):
    path = tmp_path / "logs/job.log"
    with logged(str(path)), progress.shown(2, "networks"):
        progress.advance()
    assert path.read_text().startswith("done in ")
    with pytest.raises(SystemExit, match=r"^first\nsecond \(see .*job.log\)$"), logged(str(path)):
        raise LazyrichError("first\nsecond")
    assert path.read_text().splitlines()[-1] == "failed: first second"
    assert "Traceback" in path.read_text()


class Terminal(io.StringIO):
    """A terminal in memory."""

    def isatty(self):
        return True


@pytest.fixture
def handler(monkeypatch):
    """Snakemake's handler on a terminal, as Snakemake makes it; its thread does not run."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr("threading.Thread.start", lambda thread: None)
    handler = LogHandler(SimpleNamespace(nocolor=True, stdout=False, dryrun=False), None)
    handler.addFilter(lambda record: True)
    yield handler
    handler.close()


def record(event, message="said", **attributes):
    found = logging.LogRecord("snakemake", logging.INFO, "", 0, message, None, None)
    vars(found).update({"event": event, **attributes})
    return found


def test_the_bar_of_the_run_counts_running_jobs_by_their_logs(handler, tmp_path):
    path = tmp_path / "job.log"
    path.write_text("15 of 20 networks (75%), 3.00 networks/s, 00:13 left\n")
    os.utime(path, (time.time() - 100, time.time() - 100))  # what it said in an earlier run
    handler.emit(record(LogEvent.RUN_INFO, stats={"simulate": 4, "total": 4}))
    handler.emit(record(LogEvent.JOB_INFO, jobid=7, log=[str(path)]))
    handler._move()
    assert handler.bar.n == 0
    path.write_text("15 of 20 networks (75%), 3.00 networks/s, 00:13 left\n")
    os.utime(path, (time.time() + 1, time.time() + 1))
    handler._move()
    assert handler.bar.n == 0.75
    assert "| 0.8/4 jobs [" in handler.stream.getvalue()
    handler.emit(record(LogEvent.JOB_FINISHED, job_id=7))
    handler.emit(record(LogEvent.PROGRESS, done=1, total=4))
    assert handler.bar.n == 1
    handler.emit(record(LogEvent.JOB_INFO, jobid=8, log=[str(path)]))
    handler.emit(record(LogEvent.JOB_ERROR, jobid=8))
    assert handler.running == {}
    assert share_done(tmp_path / "none.log", 0.0) == 0.0


def test_without_a_terminal_the_handler_leaves_output_to_snakemake(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    handler = LogHandler(SimpleNamespace(nocolor=True, stdout=False, dryrun=False), None)
    assert not handler.writes_to_stream
    handler.emit(record(LogEvent.RUN_INFO, stats={"total": 4}))
    assert sys.stderr.getvalue() == ""
    assert handler.bar is None


def test_a_dry_run_has_no_bar(handler):
    handler.common_settings.dryrun = True
    handler.emit(record(LogEvent.RUN_INFO, stats={"total": 4}))
    assert handler.bar is None


def test_bars_cost_nothing_where_nothing_is_shown():
    progress.advance()
    progress.reach(np.inf)
