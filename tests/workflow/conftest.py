"""A project of its own for each test module: a copy of the tracked files with small sweeps, run by real Snakemake."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import yaml
from filelock import FileLock
from numba.core.caching import UserProvidedCacheLocator

import lazyrich
from lazyrich.planning.plan import SHARD_NETWORKS_SETTING
from tests.shared import base

ROOT = Path(__file__).parents[2]
# The default sweeps, as they stand in the configuration.
DEFAULT = "".join(f"  - {name}\n" for name in yaml.safe_load((ROOT / "config/config.yaml").read_text())["sweeps"])

MAP = {
    "title": "A small map",
    "description": "Made by a test. It has two sentences.",
    "problem": {"samples": 4, "dimension": 100, "noise_std": 0.1},
    "network": {"width": 64, "laziness": {"log": [0.01, 10], "points": 6}},
    "training": {"growth_per_step": {"log": [0.05, 5], "points": 5}, "steps": 200},
    "record": {"points": 8},
    "replicates": 2,
}
LINE = {
    "title": "A small line",
    "description": "One axis, so that trajectories are drawn.",
    "problem": {"samples": 4, "dimension": 100},
    "network": {"width": 64, "laziness": {"values": [0.01, 1]}},
    "training": {"stability_fraction": 0.2, "tau": 10},
    "record": {"points": 8},
}


@dataclass(frozen=True)
class Project:
    """A copy of the project, and Snakemake in it."""

    root: Path
    settings: dict[str, str] = field(default_factory=dict)  # environment variables

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to run with the copy's own library and settings."""
        return {**os.environ, "PYTHONPATH": str(self.root / "src"), **self.settings}

    def start(self, *arguments: str, **options: object) -> subprocess.Popen:
        """Start Snakemake with the copy's own library; output is in `stdout`; `options` are those of Popen."""
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=self.root,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **options,
        )

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run Snakemake on this machine to its end; output is in `stdout`."""
        with self.start("--cores", "2", *arguments) as running:
            stdout, _ = running.communicate()
        if check:
            assert running.returncode == 0, stdout
        return subprocess.CompletedProcess(running.args, running.returncode, stdout)

    def jobs(self, *arguments: str) -> dict[str, int]:
        """What Snakemake would run: rule -> number of jobs."""
        output = self.snakemake("--dry-run", *arguments).stdout
        table = output.partition("Job stats:")[2].partition("total")[0]
        found = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}
        found.pop("default", None)
        found.pop("all", None)
        return found

    def resource(self, rule: str, name: str) -> object:
        """A resource that a rule asks for, as Snakemake has read it: a dry run does not show it."""
        code = (
            "import sys\nfrom pathlib import Path\nfrom snakemake.api import SnakemakeApi\n"
            "from snakemake.settings.types import ResourceSettings\nwith SnakemakeApi() as api:\n"
            "    flow = api.workflow(resource_settings=ResourceSettings(cores=2), snakefile=Path('Snakefile'))\n"
            "    print('resource:', flow._workflow.get_rule(sys.argv[1]).resources[sys.argv[2]].raw)\n"
        )
        command = [sys.executable, "-c", code, rule, name]
        done = subprocess.run(command, cwd=self.root, env=self.environment, text=True, capture_output=True, check=False)
        found = re.search(r"^resource: (.*)$", done.stdout, re.MULTILINE)
        assert found, done.stderr
        return found[1]

    def sweep(self, name: str, data: dict) -> Path:
        """Write a sweep file."""
        path = self.root / "config" / "sweeps" / f"{name}.yaml"
        path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text in one of the copy's files."""
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text, name
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


def copied(root: Path) -> Project:
    """A copy of the tracked files, those not yet committed too."""
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in tracked:
        if not name.startswith("tests/") and (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
    copy_machine_code(root)
    return Project(root)


def copy_machine_code(root: Path) -> None:
    """Copy what numba has compiled of this checkout to where it looks for it in a copy.

    Numba finds it by the place and the content of the source; what is edited in the copy it compiles anew.
    """
    place = UserProvidedCacheLocator.get_suitable_cache_subpath
    package = ROOT / "src/lazyrich"
    for module in {path.parent for path in package.rglob("*.py")}:
        copy = root / module.relative_to(ROOT)
        for file in module.glob("__pycache__/*.nb[ci]"):
            (copy / "__pycache__").mkdir(exist_ok=True)
            shutil.copyfile(file, copy / "__pycache__" / file.name)
        for cache in package.glob(f"__pycache__/numba-*/{place(module / 'any.py')}"):
            home = root / cache.parent.relative_to(ROOT)
            shutil.copytree(cache, home / place(copy / "any.py"), ignore=shutil.ignore_patterns("tmp*"))


@pytest.fixture(scope="session")
def machine_code(tmp_path_factory) -> None:
    """Train a small sweep with this checkout, so that no job of a copy has to compile the engine."""
    with FileLock(base(tmp_path_factory) / "machine_code.lock"):
        lazyrich.run(MAP, device="cpu")


@pytest.fixture(scope="module")
def project(tmp_path_factory, machine_code) -> Project:
    """The copy, with two small sweeps in several shards, not yet run."""
    copy = replace(copied(tmp_path_factory.mktemp("project")), settings={SHARD_NETWORKS_SETTING: "25"})
    copy.edit("config/config.yaml", DEFAULT, "  - map\n  - line\n")
    copy.sweep("map", MAP)
    copy.sweep("line", LINE)
    return copy


@pytest.fixture(scope="module")
def shipped(tmp_path_factory, machine_code) -> Project:
    """The copy as it is shipped, not yet run."""
    return copied(tmp_path_factory.mktemp("shipped"))
