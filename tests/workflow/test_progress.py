"""Progress of a real run: a bar on a terminal, Snakemake's plain words elsewhere, and `lazyrich status` beside both."""

import os
import pty
import re
import subprocess
import sys
import termios

import pytest

from tests.system.test_progress import read_terminal

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def on_terminal(project, *arguments):
    """(exit status, what stood on the terminal) of a Snakemake in the project."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 120))
    environment = {**project.environment, "TERM": "xterm"}
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    with subprocess.Popen(command, cwd=project.root, env=environment, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = read_terminal(ours)
    return process.returncode, shown


def status(project, *names):
    """What `lazyrich status` prints."""
    command = [sys.executable, "-m", "lazyrich.cli", "status", *names]
    return subprocess.run(
        command, cwd=project.root, env=project.environment, capture_output=True, text=True, check=True
    ).stdout


def test_a_failing_job_is_read_above_the_bar_and_told_by_status(project):
    """On a terminal: its one line stands alone, as elsewhere, and Snakemake's own words are all there."""
    project.edit(
        "src/lazyrich/shards/simulate.py",
        "    device = find_device(device)\n",
        '    raise LazyrichError("no; write yes")\n',
    )
    code, shown = on_terminal(project, "results/line/report.html")
    assert code == 1
    (shard,) = [path.stem for path in (project.root / "results/line/logs/simulate_shard").glob("*.log")]
    log = f"results/line/logs/simulate_shard/{shard}.log"
    # A terminal begins a line with \r\n; the bar's last line is left as it was.
    assert f"\r\nno; write yes (see {log})\r\n" in shown
    assert "Error in rule simulate_shard:" in shown
    assert "Job stats:" in shown
    assert "Traceback" not in shown
    assert re.search(r"  0%\|.*\| 0\.0/4 jobs \[00:\d\d<\?, \?job/s\]", shown)
    found = status(project, "line")
    assert f"  failed    {shard}: no; write yes (see {log})\n" in found
    assert "0 of 2 trained; shards 0 of 1\n" in found
    project.edit(
        "src/lazyrich/shards/simulate.py",
        '    raise LazyrichError("no; write yes")\n',
        "    device = find_device(device)\n",
    )


def test_a_dry_run_on_a_terminal_has_no_bar(project):
    code, shown = on_terminal(project, "--dry-run", "results/line/report.html")
    assert code == 0
    assert "This was a dry-run" in shown
    assert "/s]" not in shown


def test_a_bar_with_rate_and_time_left_on_a_terminal(project):
    code, shown = on_terminal(project, "results/line/report.html")
    assert code == 0
    for done in (1, 2, 3):
        number = rf"{25 * done}%\|.*?\| {done}\.0/4 jobs "
        assert re.search(number + r"\[\d\d:\d\d<\d\d:\d\d, +[\d.]+(s/job|job/s)\]", shown), done
    assert shown.count("Finished jobid:") == 4
    assert "4 of 4 steps (100%) done" in shown
    assert re.findall(r"  (networks .*?), the last|  (results .*)", status(project, "line")) == [
        ("networks  2 of 2 trained; shards 1 of 1", ""),
        ("", "results   summary.nc, figures, report.html: there"),
    ]


def test_plain_words_where_there_is_no_terminal(project):
    done = project.snakemake("results/map/summary.nc").stdout
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f█]", done)
    assert "/s]" not in done
    assert "Job stats:\njob " in done
    assert done.count("Finished jobid:") == 4
    assert "4 of 4 steps (100%) done" in done
    assert "Nothing to be done" in project.snakemake("results/map/summary.nc").stdout
    found = status(project)
    assert "60 of 60 trained; shards 3 of 3" in found
    assert "summary.nc: there; figures, report.html: missing" in found
    assert "line: " in found


def test_long_jobs_tell_in_their_logs_how_far_they_are(project):
    project.edit("src/lazyrich/system/progress.py", "SECONDS = 10.0", "SECONDS = 0.0")
    # What is shown decides no number: nothing is to be made again.
    assert project.jobs("results/map/summary.nc", "results/line/report.html") == {}
    for path in (project.root / "results/map/shards").glob("*.nc"):
        path.unlink()
    (project.root / "results/map/summary.nc").unlink()
    project.snakemake("results/map/summary.nc")
    logs = list((project.root / "results/map/logs/simulate_shard").glob("*.log"))
    assert len(logs) == 3
    for log in logs:
        *_, counted, written, last = log.read_text().splitlines()
        assert re.fullmatch(r"(\d+) of \1 networks \(100%\), +[\d.]+ networks/s, 00:00 left", counted)
        assert re.fullmatch(r"written in [\d.]+ s", written)
        assert last.startswith("done in ")
    analysis = (project.root / "results/map/logs/analyse_sweep.log").read_text()
    assert re.search(r"^1 of 1 blocks \(100%\), +[\d.]+ blocks/s, 00:00 left$", analysis, re.MULTILINE)
