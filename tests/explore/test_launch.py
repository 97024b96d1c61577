"""Running a part of a map from the page: what is refused before anything is written or started."""

import shutil
import subprocess
import sys

import pytest

from lazyrich.explore import launch
from lazyrich.explore.exports import part
from lazyrich.explore.launch import Launcher
from lazyrich.explore.source import Source


@pytest.fixture
def project(folder, tmp_path, monkeypatch):
    shutil.copytree(folder, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def launcher(project):
    return Launcher(project / "config/sweeps", launch.Path("results"))


@pytest.fixture
def text(project):
    source = Source("done", project / "config/sweeps/done.yaml", project / "results")
    return part(source, {"laziness": (0.1, 1.0), "growth_per_step": (0.05, 0.5)})


def test_a_part_gets_a_name_of_its_own_and_runs_alone(launcher, text, project, monkeypatch):
    monkeypatch.setattr(launch, "COMMAND", (sys.executable, "-c", "import time; time.sleep(60)"))
    (project / "config/sweeps/done_part_1.yaml").write_text("taken: 1\n")
    assert launcher.start(text, "done") == "done_part_2"
    assert launcher.progress() == (0, "done_part_2: 0 of 140 networks")
    with pytest.raises(ValueError, match="done_part_2 is running; wait until it is done"):
        launcher.start(text, "done")
    launcher.process.kill()
    launcher.process.wait()
    assert launcher.progress()[1].startswith("done_part_2 failed")
    assert (project / "config/sweeps/done_part_1.yaml").read_text() == "taken: 1\n"


def test_what_is_over_budget_is_not_started(launcher, text, project):
    (project / "config/config.yaml").write_text("sweeps: [done]\nbudget: {core_hours: 1.0e-9, disk_gb: 1}\n")
    with pytest.raises(ValueError, match=r"budget.core_hours = 1e-09 in config/config.yaml"):
        launcher.start(text, "done")
    assert launcher.process is None
    assert not list((project / "config/sweeps").glob("done_part_*"))


def test_the_last_line_says_why_a_run_failed(launcher, text, project, monkeypatch):
    monkeypatch.setattr(launch, "COMMAND", (sys.executable, "-c", "import sys; print('one'); sys.exit('no room')"))
    launcher.start(text, "done")
    launcher.process.wait()
    assert launcher.progress() == (0, "done_part_1 failed: no room (results/done_part_1/logs/explorer.log)")


def test_another_results_folder_cannot_be_run_in(project):
    with pytest.raises(ValueError, match="--run: sweeps of this project write to results, not to elsewhere"):
        Launcher(project / "config/sweeps", launch.Path("elsewhere"))


def test_the_command_line_says_so_too(project):
    command = [sys.executable, "-m", "lazyrich.cli", "explore", "elsewhere", "--run", "--no-browser"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("--run: sweeps of this project write to results")
