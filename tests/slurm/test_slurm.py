"""Sweeps on a real SLURM of two nodes: what Snakemake and SLURM really do with them, and with jobs and nodes that fail.

The tests follow one project through its life and run in the order of the file.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import yaml

from tests.workflow.test_refine import REFINED

from . import cluster as throw_away

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

# As the README says; only the first look at a job comes sooner.
PROFILE = ("--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "2")
PATIENCE = 300  # seconds until a test that waits for SLURM is a failed one


@dataclass(frozen=True)
class Job:
    """What `squeue` says of a job, the finished ones too."""

    number: str
    state: str
    node: str
    memory: str
    gpu: str
    rule: str


def jobs(output: str) -> list[Job]:
    """The jobs of the run that printed this, first submitted first."""
    run = re.search(r"^SLURM run ID: (\S+)$", output, re.MULTILINE)[1]
    command = ["squeue", "--noheader", "--states=all", "--sort=i", "--format=%i|%T|%N|%m|%b|%k", f"--name={run}"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [Job(*line.split("|")) for line in lines]


def active() -> list[Job]:
    """The jobs that run now, of any run."""
    command = ["squeue", "--noheader", "--states=running", "--format=%i|%T|%N|%m|%b|%k"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [Job(*line.split("|")) for line in lines]


def submit(project, *arguments: str) -> str:
    """Run Snakemake on the cluster to its end, which is a good one; what it says."""
    return ended(project.start(*PROFILE, *arguments))


def ended(running: subprocess.Popen) -> str:
    output, _ = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0, output
    return output


def wait_until(true: Callable[[], bool], running: subprocess.Popen) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert running.poll() is None, running.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.1)


def content(path: Path) -> dict[str, bytes]:
    """Every variable of a netCDF file as it lies there."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        values = {name: np.asarray(variable[...]) for name, variable in file.variables.items()}
    return {
        name: repr(value.tolist()).encode() if value.dtype == object else value.tobytes()
        for name, value in values.items()
    }


def data(project) -> dict[str, dict[str, bytes]]:
    results = project.root / "results"
    return {str(path.relative_to(results)): content(path) for path in sorted(results.rglob("*.nc"))}


def here(project, *sweeps: str) -> dict[str, dict[str, bytes]]:
    """What the same sweeps give on this machine, which then forgets them."""
    project.snakemake(*(f"results/{name}/summary.nc" for name in sweeps))
    found = data(project)
    shutil.rmtree(project.root / "results")
    shutil.rmtree(project.root / ".snakemake")
    return found


@pytest.fixture(scope="module")
def local(project):
    """The small sweeps of this machine."""
    return here(project, "map", "line")


def forget(project, *shards: str) -> list[str]:
    """Delete shards with their logs; their names as targets."""
    for shard in shards:
        path = project.root / "results" / shard
        path.unlink()
        log_of(project, shard).unlink()
    return [f"results/{shard}" for shard in shards]


def log_of(project, shard: str) -> Path:
    sweep, _, file = shard.split("/")
    return project.root / "results" / sweep / "logs/simulate_shard" / file.replace(".nc", ".log")


def shards(local: dict, sweep: str) -> list[str]:
    return [name for name in local if name.startswith(f"{sweep}/shards/")]


def test_all_sweeps_run_on_both_nodes_and_give_the_bytes_of_a_local_run(cluster, project, local):
    output = submit(project, "--verbose")
    assert "command=squeue" in output
    assert "command=sacct" not in output
    assert data(project) == local
    assert (project.root / "results/index.html").exists()
    done = jobs(output)
    assert {job.state for job in done} == {"COMPLETED"}
    assert {job.node for job in done if "simulate_shard" in job.rule} == set(cluster.nodes)
    assert {job.gpu for job in done} == {"N/A"}
    assert not list((project.root / ".snakemake/slurm_logs").rglob("*.log"))  # kept of failed jobs only
    assert "Nothing to be done" in submit(project)


def test_the_default_sweeps_give_the_bytes_of_a_local_run(cluster, shipped):
    """As shipped, by the README's command."""
    names = yaml.safe_load((shipped.root / "config/config.yaml").read_text())["sweeps"]
    expected = here(shipped, *names)
    assert {name.split("/")[0] for name in expected} == set(names)
    submit(shipped)
    assert data(shipped) == expected
    assert (shipped.root / "results/index.html").exists()


def test_a_refined_sweep_gives_the_bytes_of_a_local_run(cluster, shipped):
    """Whose levels are chosen by jobs, each of which brings new jobs."""
    shutil.rmtree(shipped.root / "results")
    shipped.sweep("fine", REFINED)
    local = here(shipped, "fine")
    done = jobs(submit(shipped, "results/fine/summary.nc"))
    assert data(shipped) == local
    assert sum("refine_sweep" in job.rule for job in done) == REFINED["refine"]["levels"]


def test_status_by_sacct_where_accounting_is_on(cluster, project):
    if not cluster.accounting:
        reason = "SLURM's accounting is not installed: no slurmdbd or no MariaDB; .ci/run says which packages"
        assert "LAZYRICH_REQUIRE_SLURM" not in os.environ, reason
        pytest.skip(reason)
    (project.root / "results/line/report.html").unlink()
    output = submit(project, "--verbose", "--slurm-status-command", "sacct", "results/line/report.html")
    assert "command=sacct" in output
    assert "command=squeue" not in output
    assert (project.root / "results/line/report.html").exists()


def test_a_job_that_needs_more_memory_is_submitted_again_and_asks_for_it(cluster, project, local):
    project.edit("src/lazyrich/planning/cost/request.py", "SNAKEMAKE_MB = 300", "SNAKEMAKE_MB = -150")
    (project.root / "results/line/summary.nc").unlink()
    output = submit(project, "results/line/summary.nc")
    project.edit("src/lazyrich/planning/cost/request.py", "SNAKEMAKE_MB = -150", "SNAKEMAKE_MB = 300")
    first, *_, last = found = jobs(output)
    assert [job.state for job in found] == ["FAILED"] * (len(found) - 1) + ["COMPLETED"]
    assert len(found) in (2, 3)
    assert int(last.memory.removesuffix("M")) == len(found) * int(first.memory.removesuffix("M"))
    log = project.root / f".snakemake/slurm_logs/rule_analyse_sweep/line/{first.number}.log"
    assert "exceeded memory limit" in log.read_text()
    assert str(log) in output
    assert data(project) == local


def test_an_interrupted_run_takes_its_jobs_along(cluster, project, local):
    shard = shards(local, "line")[0]
    (target,) = forget(project, shard)
    # What a shell runs in the background ignores Ctrl-C, and so would what is started from there.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    running = project.start(*PROFILE, target)
    signal.signal(signal.SIGINT, before)
    wait_until(log_of(project, shard).exists, running)
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=PATIENCE)
    assert running.returncode != 0
    assert [job.state for job in jobs(output)] == ["CANCELLED"]
    assert not (project.root / target).exists()
    log_of(project, shard).unlink()


def test_the_next_run_completes_though_its_job_is_cancelled(cluster, project, local):
    shard = shards(local, "line")[0]
    running = project.start(*PROFILE, f"results/{shard}")
    wait_until(log_of(project, shard).exists, running)
    (job,) = active()
    subprocess.run(["scancel", job.number], check=True)
    output = ended(running)
    assert f"SLURM-job '{job.number}' failed, SLURM status is: 'CANCELLED'" in output
    assert "Trying to restart job" in output
    assert [job.state for job in jobs(output)] == ["CANCELLED", "COMPLETED"]
    assert data(project) == local


def test_jobs_of_a_lost_node_run_on_another(cluster, project, local):
    lost, other = cluster.nodes
    pair = shards(local, "map")[:2]
    running = project.start(*PROFILE, *forget(project, *pair))
    wait_until(lambda: all(log_of(project, shard).exists() for shard in pair), running)
    assert {job.node for job in active()} == {lost, other}
    cluster.stop_node(lost)
    try:
        output = ended(running)
    finally:
        cluster.start_node(lost)
    # SLURM put the job back itself: two jobs as before, no second submission.
    assert [(job.state, job.node) for job in jobs(output)] == [("COMPLETED", other)] * 2
    assert "Error in rule" not in output
    assert data(project) == local


def test_shards_ask_for_a_gpu_where_the_configuration_says_so(cluster, project, local):
    """The GPU is one in name only, so that the job ends with the library's own line."""
    shard = shards(local, "line")[0]
    running = project.start(*PROFILE, "--retries", "0", "--config", "device=cuda", "--", *forget(project, shard))
    output, _ = running.communicate(timeout=PATIENCE)
    (job,) = jobs(output)
    assert job.node == cluster.nodes[1]  # the one that has it
    said = subprocess.run(["scontrol", "show", "job", job.number], check=True, capture_output=True, text=True).stdout
    assert "TresPerJob=gres:gpu:1" in said
    assert job.state == "FAILED"
    assert "device = cuda: torch finds no GPU here" in log_of(project, shard).read_text()


def test_another_slurm_is_left_alone(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(throw_away, "DEFAULT", tmp_path / "slurm.conf")
    assert throw_away.why_not() is None
    (tmp_path / "slurm.conf").write_text("ClusterName=theirs\n")
    with pytest.raises(RuntimeError, match="slurm.conf belongs to another SLURM and is left alone"):
        throw_away.Cluster().__enter__()
    assert (tmp_path / "slurm.conf").read_text() == "ClusterName=theirs\n"
