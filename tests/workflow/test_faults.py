"""Kills, full disks, damaged shards, two runs at once: each is named in one line, and the same command again fixes it.

One project, whose undisturbed results every test comes back to: the same bytes in every data variable.
"""

import hashlib
import os
import random
import signal
import subprocess
import time
from contextlib import contextmanager, suppress

import netCDF4
import psutil
import pytest

from lazyrich.planning.folder import checksum_file
from lazyrich.planning.plan import plan
from lazyrich.shards import archive
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep

from .conftest import MAP

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TARGET = "results/map/summary.nc"
FIXED = "run the same command again"


def content(variable):
    """SHA-256 of what is stored; texts have no bytes of their own in memory."""
    values = variable[...]
    return hashlib.sha256((values.astype(str) if variable.dtype is str else values).tobytes()).hexdigest()


def variables(root):
    """Every variable of every shard and summary: file -> variable -> SHA-256 of its bytes."""
    found = {}
    for path in sorted(root.glob("results/**/*.nc")):
        with netCDF4.Dataset(path) as file:
            file.set_auto_maskandscale(False)
            found[str(path.relative_to(root))] = {name: content(variable) for name, variable in file.variables.items()}
    return found


def files(root):
    """Every file that a run made, hidden ones too."""
    found = {str(path.relative_to(root)) for path in root.glob("results/**/*") if path.is_file()}
    return found - {"results/README.md"}


@pytest.fixture(scope="module")
def undisturbed(project):
    """(variables, files) of a run that nothing disturbed, and how long one takes once everything is compiled."""
    project.snakemake(TARGET)
    found = variables(project.root), files(project.root)
    fresh(project)
    started = time.monotonic()
    project.snakemake(TARGET)
    assert variables(project.root) == found[0]
    return *found, time.monotonic() - started


def fresh(project):
    """As if nothing had ever run."""
    for name in ("results/map", "results/.lock", ".snakemake"):
        subprocess.run(["rm", "-rf", project.root / name], check=True)


def shards(project):
    return sorted((project.root / "results/map/shards").glob("*.nc"))


def lines(output, *parts):
    """The lines of Snakemake's output that hold all `parts`."""
    return [line for line in output.splitlines() if all(part in line for part in parts)]


def assert_fixed(project, undisturbed, extra=()):
    """The same command ends, with the undisturbed results and nothing else; then there is nothing to do."""
    project.snakemake(TARGET)
    assert variables(project.root) == undisturbed[0]
    assert files(project.root) == undisturbed[1] | set(extra)
    assert "Nothing to be done" in project.snakemake(TARGET).stdout
    folder = project.root / "results/map/shards"
    names = sorted(path.name for path in folder.glob("*.sha256"))
    subprocess.run(["sha256sum", "--check", "--quiet", *names], cwd=folder, check=True)


def jobs_of(process):
    """The jobs that Snakemake has started and that run; it asks other programs too (uname, from a thread, at any time)."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                found += [child] if ".snakemake/scripts/" in " ".join(child.cmdline()) else []
    return found


def wait_for_a_job(process):
    """Some job of a run, once there is one; None if the run ends before."""
    while process.poll() is None:
        if found := jobs_of(process):
            return found[0]
        time.sleep(0.01)
    return None


def kill_a_job(process):
    job = wait_for_a_job(process)
    if job is not None:
        for victim in (job, *job.children(recursive=True)):
            victim.kill()


def kill_snakemake(process):
    process.kill()


def kill_the_group(process):
    os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("kill", [kill_a_job, kill_snakemake, kill_the_group])
def test_killed_at_random_moments_the_same_command_goes_on(kill, project, undisturbed):
    """Moments are drawn over the length of a run; each kill comes while the last one's orphans may still be at work."""
    fresh(project)
    moments = random.Random(kill.__name__)
    for _ in range(3):
        process = project.start("--cores", "2", TARGET, start_new_session=True)
        with process.stdout:
            time.sleep(moments.uniform(0, undisturbed[2]))
            if process.poll() is None:
                with suppress(psutil.NoSuchProcess, ProcessLookupError):  # it ended in this moment
                    kill(process)
            process.wait()
    # Kills seldom meet the moments of writing: what one leaves then, and something to do even if the last came too late.
    (project.root / TARGET).unlink(missing_ok=True)
    (project.root / "results/map/shards").mkdir(parents=True, exist_ok=True)
    (project.root / "results/map/shards/.0123456789abcdef.nc.1.part").write_bytes(b"half")
    assert_fixed(project, undisturbed)


def test_a_job_that_outlives_its_snakemake_ends_when_the_next_one_has_begun(project, undisturbed):
    """The job is stopped, its Snakemake killed, the sweep finished by another, and the job goes on: it changes nothing."""
    fresh(project)
    process = project.start("--cores", "2", TARGET, start_new_session=True)
    job = wait_for_a_job(process)
    others = [other for other in jobs_of(process) if other != job]
    time.sleep(0.5)
    job.suspend()
    process.kill()
    process.wait()
    process.stdout.close()
    assert_fixed(project, undisturbed)
    written = {path: path.read_bytes() for path in project.root.glob("results/**/*.*") if path.is_file()}
    job.resume()
    _, alive = psutil.wait_procs([job, *others], timeout=60)
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in alive)
    after = {path: path.read_bytes() for path in project.root.glob("results/**/*.*") if path.is_file()}
    assert after == written
    assert "Nothing to be done" in project.snakemake(TARGET).stdout


def test_damaged_and_foreign_shards_are_named_at_once_and_trained_anew(project, undisturbed, tmp_path):
    cut, flipped, foreign = shards(project)
    # Shards that nobody asked to be analysed again until now: the summary goes, as after an edit of a threshold.
    (project.root / TARGET).unlink()
    bad = {cut: cut.read_bytes()[:-1000]}
    damaged = bytearray(flipped.read_bytes())
    for place in random.Random(0).sample(range(len(damaged)), 3):
        damaged[place] ^= 0xFF
    bad[flipped] = bytes(damaged)
    # From another sweep, with a checksum that fits.
    other, *_ = plan(load_sweep({**MAP, "seed": 1})).values()
    archive.write(archive.described(simulate(other), other), tmp_path / "other.nc")
    bad[foreign] = (tmp_path / "other.nc").read_bytes()
    for path, data in bad.items():
        path.write_bytes(data)
    checksum_file(foreign).write_text(f"{hashlib.sha256(bad[foreign]).hexdigest()}  {foreign.name}\n")

    done = project.snakemake(TARGET, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    for path, what in ((cut, "not what was written"), (flipped, "not what was written"), (foreign, other.name)):
        (line,) = lines(done.stdout, f"{path.relative_to(project.root)}: ", FIXED)
        assert what in line
    kept = {path: path.with_name(f"{path.name}.damaged") for path in bad}
    assert {path: aside.read_bytes() for path, aside in kept.items()} == bad
    assert project.jobs(TARGET) == {"simulate_shard": 3, "analyse_sweep": 1}
    aside = [*kept.values(), *(path.with_name(f"{path.stem}.sha256.damaged") for path in bad)]
    assert_fixed(project, undisturbed, extra=[str(path.relative_to(project.root)) for path in aside])
    for path in aside:
        path.unlink()


def test_a_second_snakemake_is_told_of_the_first(project, undisturbed):
    fresh(project)
    left = project.root / "results/map/.plan.json.1.part"  # of a killed run
    left.parent.mkdir()
    left.write_bytes(b"half")
    first = project.start("--cores", "2", TARGET)
    assert wait_for_a_job(first) is not None
    assert not left.exists()
    second = project.snakemake(TARGET, check=False)
    assert second.returncode != 0
    (line,) = lines(
        second.stdout, "results: ", f"process id {first.pid} on ", "since", "wait until it is done, or stop it"
    )
    assert "Execute" not in second.stdout
    assert project.jobs(TARGET)  # a dry run is welcome
    output, _ = first.communicate()
    assert first.returncode == 0, output
    assert variables(project.root) == undisturbed[0]
    assert files(project.root) == undisturbed[1]


@contextmanager
def mounted(folder, *options):
    """Something mounted on a folder while the block runs."""
    done = subprocess.run(["mount", *options, folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        if os.environ.get("LAZYRICH_REQUIRE_MOUNT"):
            pytest.fail(f"LAZYRICH_REQUIRE_MOUNT is set and nothing can be mounted: {done.stderr}")
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_read_only_folder_is_named_before_any_job(project, undisturbed):
    project.snakemake(TARGET)
    results = project.root / "results"
    with mounted(results, "--bind", results):
        subprocess.run(["mount", "-o", "remount,bind,ro", results], check=True)
        assert "Nothing to be done" in project.snakemake(TARGET).stdout
        # Something to make that is not there, and something to make anew.
        for target in (["results/map/report.html"], [TARGET, "--forcerun", "analyse_sweep"]):
            done = project.snakemake(*target, check=False)
            assert done.returncode != 0
            assert lines(done.stdout, "results: read-only file system; make it writable, then " + FIXED)
            assert "Execute" not in done.stdout
    assert variables(project.root) == undisturbed[0]


def test_a_full_disk_is_named_and_once_there_is_space_the_run_goes_on(project, undisturbed):
    fresh(project)
    results = project.root / "results"
    # Room for one of the three shards.
    with mounted(results, "-t", "tmpfs", "-o", "size=300k", "tmpfs"):
        done = project.snakemake(TARGET, check=False)
        assert done.returncode != 0
        assert "Traceback" not in done.stdout
        named = lines(done.stdout, "results/map/shards/", ".nc: ", "free some space", FIXED)
        assert 1 <= len(named) <= 3
        # What is there is whole; nothing else of a shard is.
        left = list((results / "map/shards").iterdir()) if (results / "map/shards").exists() else []
        assert {path.suffix for path in left} <= {".nc", ".sha256"}
        assert len(left) % 2 == 0
        assert len(left) < 6
        subprocess.run(["mount", "-o", "remount,size=50m", results], check=True)
        assert_fixed(project, undisturbed)
