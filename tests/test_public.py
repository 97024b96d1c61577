"""The public face: what `lazyrich` offers, how light it is, and that a source tree needs no installation."""

import ast
import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import lazyrich

ROOT = Path(__file__).parents[1]
HEAVY = (
    "dask",
    "holoviews",
    "matplotlib",
    "netCDF4",
    "numba",
    "numpy",
    "pandas",
    "pydantic",
    "scipy",
    "torch",
    "xarray",
)


def python(code, folder, **environment):
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(ROOT / "src"), **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_dir_and_star_are_the_names_that_users_may_rely_on():
    assert dir(lazyrich) == sorted(lazyrich.__all__)
    names = {}
    exec("from lazyrich import *", names)
    assert set(names) - {"__builtins__"} == set(lazyrich.__all__)
    assert not [name for name in lazyrich.__all__ if name != "__version__" and not callable(names[name])]


def test_type_checkers_see_each_name_where_it_is_loaded_from():
    block = next(node for node in ast.parse(Path(lazyrich.__file__).read_text()).body if isinstance(node, ast.If))
    typed = {alias.name: node.module for node in block.body for alias in node.names}
    assert {*typed, "__version__"} == set(lazyrich.__all__)
    for name, module in typed.items():
        assert getattr(lazyrich, name) is getattr(importlib.import_module(module), name)
    assert Path(lazyrich.__file__).with_name("py.typed").is_file()


def test_no_public_name_is_that_of_a_module():
    folder = Path(lazyrich.__file__).parent
    modules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert not modules & set(lazyrich.__all__)


def test_importing_lazyrich_loads_nothing_heavy(tmp_path):
    code = "import sys, lazyrich; dir(lazyrich); lazyrich.__version__; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = python(code, tmp_path)
    assert "lazyrich" in loaded
    assert not set(HEAVY) & set(loaded)


def test_a_linear_run_imports_no_extra(tmp_path):
    """With every package that only an extra brings out of reach, linear networks are trained and analysed."""
    code = """
import sys
import lazyrich
from lazyrich.system.extras import EXTRAS
sys.modules.update(dict.fromkeys(EXTRAS))
data = lazyrich.run({
    "problem": {"samples": 3, "dimension": 50},
    "network": {"width": 20, "laziness": {"log": [0.1, 1], "points": 2}},
    "training": {"growth_per_step": 0.1, "steps": 20},
}, threads=1)
print(lazyrich.analyse(data)["phase"].size)
"""
    assert python(code, tmp_path) == ["2"]


def test_a_source_tree_that_is_not_installed_knows_its_version(tmp_path):
    """No metadata of an installed lazyrich is in reach of a copy of the source."""
    shutil.copytree(ROOT / "src/lazyrich", tmp_path / "lazyrich", ignore=shutil.ignore_patterns("__pycache__"))
    code = """
import importlib.metadata as metadata
found = metadata.Distribution.from_name.__func__
def other(cls, name):
    if name == "lazyrich":
        raise metadata.PackageNotFoundError(name)
    return found(cls, name)
metadata.Distribution.from_name = classmethod(other)
import lazyrich
from lazyrich.shards import archive
print(lazyrich.__file__, lazyrich.__version__, archive.provenance("lazyrich.shards.simulate")["source"])
"""
    file, version, *source = python(code, tmp_path, PYTHONPATH=str(tmp_path))
    assert Path(file).is_relative_to(tmp_path)
    assert (version, source) == (lazyrich.__version__, ["lazyrich", lazyrich.__version__])
