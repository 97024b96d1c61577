"""Kills, full disks, damaged shards, two runs at once: each is named in one line, and the same command again mends it.

One project, whose undisturbed results every test comes back to: the same bytes in every data variable.
"""

import hashlib
import os
import random
import signal
import subprocess
import time
from contextlib import contextmanager

import netCDF4
import psutil
import pytest

from lazyrich.plan import checksum_file

from .conftest import MAP, copied

pytestmark = pytest.mark.workflow

TARGET = "results/map/summary.nc"
MENDED = "run the same command again"


def variables(root):
    """SHA-256 of the bytes of every variable of every shard and summary, as they are stored: file -> variable -> digest."""
    found = {}
    for path in sorted(root.glob("results/**/*.nc")):
        with netCDF4.Dataset(path) as file:
            file.set_auto_maskandscale(False)
            found[str(path.relative_to(root))] = {
                name: hashlib.sha256(variable[...].tobytes()).hexdigest() for name, variable in file.variables.items()
            }
    return found


def files(root):
    return {str(path.relative_to(root)) for path in root.glob("results/**/*") if path.is_file()}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A sweep in three shards."""
    copy = copied(tmp_path_factory.mktemp("faults"))
    copy.edit("src/lazyrich/plan.py", "SHARD_NETWORKS = 65536", "SHARD_NETWORKS = 25")
    copy.edit("config/config.yaml", "  - figure1\n  - initial_scale\n  - learning_rate\n", "  - map\n")
    copy.sweep("map", MAP)
    return copy


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


def assert_mended(project, undisturbed, extra=()):
    """The same command ends, with the undisturbed results and nothing else; then there is nothing to do."""
    project.snakemake(TARGET)
    assert variables(project.root) == undisturbed[0]
    assert files(project.root) == undisturbed[1] | set(extra)
    assert "Nothing to be done" in project.snakemake(TARGET).stdout
    folder = project.root / "results/map/shards"
    names = sorted(path.name for path in folder.glob("*.sha256"))
    subprocess.run(["sha256sum", "--check", "--quiet", *names], cwd=folder, check=True)


def jobs_of(process):
    """The processes that Snakemake has started, jobs first among them their own children."""
    try:
        return psutil.Process(process.pid).children()
    except psutil.NoSuchProcess:
        return []


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
        process = project.start(TARGET, start_new_session=True)
        with process.stdout:
            time.sleep(moments.uniform(0, undisturbed[2]))
            if process.poll() is None:
                try:
                    kill(process)
                except (psutil.NoSuchProcess, ProcessLookupError):
                    pass  # it ended in this moment
            process.wait()
    assert_mended(project, undisturbed)


def test_a_job_that_outlives_its_snakemake_ends_when_the_next_one_has_begun(project, undisturbed):
    """The job is stopped, its Snakemake killed, the sweep finished by another, and the job goes on: it changes nothing."""
    fresh(project)
    process = project.start(TARGET, start_new_session=True)
    job = wait_for_a_job(process)
    others = [other for other in jobs_of(process) if other != job]
    time.sleep(0.5)
    job.suspend()
    process.kill()
    process.wait()
    process.stdout.close()
    assert_mended(project, undisturbed)
    written = {path: path.read_bytes() for path in project.root.glob("results/**/*.*") if path.is_file()}
    job.resume()
    gone, alive = psutil.wait_procs([job, *others], timeout=60)
    assert not alive
    after = {path: path.read_bytes() for path in project.root.glob("results/**/*.*") if path.is_file()}
    assert {path for path in after if written.get(path) != after[path]} <= set(project.root.glob("results/**/*.log"))
    assert "Nothing to be done" in project.snakemake(TARGET).stdout


def test_damaged_and_foreign_shards_are_named_at_once_and_trained_anew(project, undisturbed):
    cut, flipped, foreign = shards(project)
    # Shards that nobody asked to be analysed again until now: the summary goes, as after an edit of a threshold.
    (project.root / TARGET).unlink()
    bad = {cut: cut.read_bytes()[:-1000]}
    content = bytearray(flipped.read_bytes())
    for place in random.Random(0).sample(range(len(content)), 3):
        content[place] ^= 0xFF
    bad[flipped] = bytes(content)
    # From another sweep, with a checksum that fits.
    other = {**MAP, "seed": 1}
    project.sweep("other", other)
    project.snakemake("results/other/summary.nc")
    source = min((project.root / "results/other/shards").glob("*.nc"))
    bad[foreign] = source.read_bytes()
    for path, data in bad.items():
        path.write_bytes(data)
    checksum_file(foreign).write_text(f"{hashlib.sha256(bad[foreign]).hexdigest()}  {foreign.name}\n")
    subprocess.run(["rm", "-rf", project.root / "results/other"], check=True)

    done = project.snakemake(TARGET, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    for path, what in ((cut, "not what was written"), (flipped, "not what was written"), (foreign, source.stem)):
        (line,) = lines(done.stdout, f"{path.relative_to(project.root)}: ", MENDED)
        assert what in line
    kept = {path: path.with_name(f"{path.name}.damaged") for path in bad}
    assert {path: aside.read_bytes() for path, aside in kept.items()} == bad
    assert project.jobs(TARGET) == {"simulate_shard": 3, "analyse_sweep": 1}
    aside = [*kept.values(), *(path.with_name(f"{path.stem}.sha256.damaged") for path in bad)]
    assert_mended(project, undisturbed, extra=[str(path.relative_to(project.root)) for path in aside])
    for path in aside:
        path.unlink()


def test_a_second_snakemake_is_told_of_the_first(project, undisturbed):
    fresh(project)
    first = project.start(TARGET)
    assert wait_for_a_job(first) is not None
    second = project.snakemake(TARGET, check=False)
    assert second.returncode != 0
    (line,) = lines(
        second.stdout, "results: ", f"process id {first.pid} on ", "since", "wait until it is done, or stop it"
    )
    assert "Execute" not in second.stdout
    assert project.jobs(TARGET)  # a dry run is welcome
    output, _ = first.communicate()
    assert first.returncode == 0, output
    assert_mended(project, undisturbed)


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


def test_a_full_disk_is_named_and_once_there_is_space_the_run_goes_on(project, undisturbed):
    fresh(project)
    results = project.root / "results"
    # Room for one shard and the logs; the three shards want three times as much.
    room = next(iter(undisturbed[1] & {name for name in undisturbed[1] if name.endswith(".nc") and "shards" in name}))
    assert room
    with mounted(results, "-t", "tmpfs", "-o", "size=300k", "tmpfs"):
        done = project.snakemake(TARGET, check=False)
        assert done.returncode != 0
        assert "Traceback" not in done.stdout
        named = lines(done.stdout, "results/map/shards/", ".nc: ", "free some space", MENDED)
        assert 1 <= len(named) <= 3
        # What is there is whole; nothing else of a shard is.
        left = list((results / "map/shards").iterdir()) if (results / "map/shards").exists() else []
        assert {path.suffix for path in left} <= {".nc", ".sha256"}
        assert len(left) % 2 == 0
        assert len(left) < 6
        subprocess.run(["mount", "-o", "remount,size=50m", results], check=True)
        assert_mended(project, undisturbed, extra=set())


def test_a_read_only_folder_is_named_before_any_job(project, undisturbed):
    fresh(project)
    project.snakemake(TARGET)
    results = project.root / "results"
    shard, *_ = shards(project)
    with mounted(results, "--bind", results):
        subprocess.run(["mount", "-o", "remount,bind,ro", results], check=True)
        assert "Nothing to be done" in project.snakemake(TARGET).stdout
        # Something to make that is not there, and something to make anew.
        for target in (["results/map/report.html"], [TARGET, "--forcerun", "analyse_sweep"]):
            done = project.snakemake(*target, check=False)
            assert done.returncode != 0
            assert lines(done.stdout, "results: read-only file system; make it writable, then " + MENDED)
            assert "Execute" not in done.stdout
    assert variables(project.root) == undisturbed[0]
    assert_mended(project, undisturbed)
