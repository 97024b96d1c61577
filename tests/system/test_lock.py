"""One process at a time in a folder of results; the lock dies with it, and jobs of a dead run end when another begins."""

import os
import select
import signal
import subprocess
import sys

import pytest

from lazyrich.system.lock import EXIT_REPLACED, RUN

HOLD = "import sys, time; from pathlib import Path; from lazyrich.system.lock import take; take(Path(sys.argv[1])); {}"
SLEEP = "print('taken', flush=True); time.sleep(60)"
# A job outlives its Snakemake: it starts, says its id, and the run is killed.
JOB = "import time; from lazyrich.system.lock import end_when_replaced; end_when_replaced(0.01); print('job', flush=True); {}"
START = "import subprocess; subprocess.Popen([sys.executable, '-c', {!r}]); time.sleep(60)"


def start(folder, code):
    command = [sys.executable, "-c", HOLD.format(code), str(folder)]
    environment = {name: value for name, value in os.environ.items() if name != RUN}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return process


@pytest.fixture
def holder(tmp_path):
    process = start(tmp_path, SLEEP)
    assert process.stdout.readline() == "taken\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_one_is_told_who_works_there(holder, tmp_path):
    second = start(tmp_path, "")
    _, errors = second.communicate()
    last = errors.splitlines()[-1]
    assert f"LazyrichError: {tmp_path}: Snakemake with process id {holder.pid} on " in last
    assert last.endswith(" works here; wait until it is done, or stop it")
    # It changed nothing: the next one is told the same.
    assert str(holder.pid) in start(tmp_path, "").communicate()[1]


def test_the_lock_dies_with_its_process(holder, tmp_path):
    holder.kill()
    holder.wait()
    assert start(tmp_path, "").wait() == 0


def test_a_job_does_not_hold_the_lock_and_ends_when_another_run_begins(tmp_path):
    run = start(tmp_path, START.format(JOB.format("time.sleep(60)")))
    assert run.stdout.readline() == "job\n"
    run.send_signal(signal.SIGKILL)
    run.wait()
    # The job lives on: it still holds the pipe of its output open, which has no end to be read.
    assert select.select([run.stdout], [], [], 0.2)[0] == []
    assert start(tmp_path, "").wait() == 0
    assert run.stdout.read() == ""


def test_a_job_of_a_living_run_goes_on(tmp_path):
    code = START.format(JOB.format("time.sleep(0.5); print('done', flush=True)"))
    run = start(tmp_path, code)
    assert run.stdout.readline() == "job\n"
    start(tmp_path, "").wait()
    assert run.stdout.readline() == "done\n"
    run.kill()
    run.communicate()


def test_a_job_that_was_replaced_ends_with_a_status_of_its_own(tmp_path):
    lock = tmp_path / ".lock"
    lock.write_text("one")
    environment = {**os.environ, RUN: f'["{lock}", "one"]'}
    command = [sys.executable, "-c", JOB.format("time.sleep(60)")]
    job = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert job.stdout.readline() == "job\n"
    assert job.poll() is None
    lock.write_text("another")
    assert job.wait() == EXIT_REPLACED
    job.stdout.close()
