"""Optional packages: each has its extra, and where one is missing the message names it, before any work."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import lazyrich
from lazyrich.explore.launch import Launcher
from lazyrich.system import device, extras
from lazyrich.system.job import logged

ROOT = Path(__file__).parents[2]
# Packages that one of our requirements cannot do without, and that we import by name as well.
BROUGHT = {"llvmlite": "numba", "markupsafe": "jinja2", "pydantic-core": "pydantic"}
NONLINEAR = {
    "problem": {"samples": 3, "dimension": 9},
    "network": {"width": 8, "laziness": 1.0, "activation": {"values": ["linear", "relu"]}},
    "training": {"growth_per_step": 0.1, "steps": 5},
}


def hide(monkeypatch, package):
    """Let imports of a package fail as if it were not installed."""
    monkeypatch.setitem(sys.modules, package, None)


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"core": project["dependencies"], **project["optional-dependencies"]}
    return {name: {normal(re.split(r"[>=\[]", each)[0]) for each in group} for name, group in groups.items()}


def imported():
    """Every package that a file of the library imports anywhere in it."""
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    # Snakemake's interfaces for plugins come with it.
    return {name for name in found if not name.startswith("snakemake_interface")} - {
        "lazyrich",
        *sys.stdlib_module_names,
    }


def test_every_imported_package_is_required_where_the_message_says():
    wanted, distributions = requirements(), packages_distributions()
    for package in imported():
        (distribution,) = {normal(name) for name in distributions.get(package, [package])}
        extra = extras.EXTRAS.get(package, "core")
        assert BROUGHT.get(distribution, distribution) in wanted[extra], (package, extra)


def test_every_extra_of_the_library_is_in_all():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (everything,) = tomllib.loads(text)["project"]["optional-dependencies"]["all"]
    names = set(re.search(r"\[(.*)\]", everything)[1].split(","))
    assert names == set(extras.EXTRAS.values()) - {"gpu"}


def test_networks_that_need_torch_name_its_extra_before_any_is_trained(monkeypatch):
    hide(monkeypatch, "torch")
    monkeypatch.setattr("lazyrich.shards.memory.simulate", lambda *_, **__: pytest.fail("training has begun"))
    with pytest.raises(
        lazyrich.MissingExtra, match=re.escape("torch is not installed; run: pip install 'lazyrich[torch]'")
    ):
        lazyrich.run(NONLINEAR)
    with pytest.raises(lazyrich.MissingExtra, match="torch"):
        lazyrich.run({**NONLINEAR, "network": {"width": 8, "laziness": 1.0}}, engine="dense")


def test_without_torch_linear_networks_train_on_the_cpu_of_a_machine_with_a_gpu(monkeypatch):
    hide(monkeypatch, "torch")
    monkeypatch.setattr(device, "likely_device", lambda wanted: "cuda" if wanted != "cpu" else "cpu")
    assert device.find_device("auto") == "cpu"
    with pytest.raises(extras.MissingExtra, match="torch"), extras.named():
        device.find_device("cuda")


def alone(code, *hidden, folder):
    """What a fresh process without some packages prints, and its errors."""
    hiding = f"import sys; sys.modules.update(dict.fromkeys({hidden}))\n"
    environment = {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", hiding + code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.stdout, done.stderr


def test_a_public_name_names_the_extra_that_it_needs(tmp_path):
    code = """
import lazyrich
for name in ("draw_figures", "replay"):
    try:
        getattr(lazyrich, name)
    except ImportError as error:
        print(error)
"""
    said, errors = alone(code, "bokeh", "torch", folder=tmp_path)
    assert said.splitlines() == [
        "bokeh is not installed; run: pip install 'lazyrich[draw]'",
        "torch is not installed; run: pip install 'lazyrich[torch]'",
    ], errors


@pytest.mark.parametrize("package", ["bokeh", "panel"])
def test_the_explorer_names_its_extra_in_one_line(package, tmp_path):
    code = 'from lazyrich.cli import main; print(main(["explore", "--no-browser"]))'
    said, errors = alone(code, package, folder=tmp_path)
    assert (said, errors) == ("1\n", f"{package} is not installed; run: pip install 'lazyrich[explore]'\n")


def test_the_explorer_runs_nothing_without_snakemake(tmp_path, monkeypatch):
    hide(monkeypatch, "snakemake")
    with pytest.raises(extras.MissingExtra, match=re.escape("lazyrich[workflow]")):
        Launcher(tmp_path, tmp_path)


def test_a_job_names_the_extra_in_its_last_line(tmp_path, monkeypatch):
    hide(monkeypatch, "holoviews")
    log = tmp_path / "draw.log"
    with pytest.raises(SystemExit, match="holoviews is not installed"), logged(str(log)):
        import holoviews  # noqa: F401
    assert log.read_text().endswith("failed: holoviews is not installed; run: pip install 'lazyrich[draw]'\n")


def test_a_module_that_is_no_extra_is_missing_as_ever():
    with pytest.raises(ModuleNotFoundError, match="no_such_module") as raised, extras.named():
        import no_such_module  # noqa: F401
    assert not isinstance(raised.value, extras.MissingExtra)
