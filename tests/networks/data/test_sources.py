"""Sources of data: to add one is to write one module and to name it in the list; the rest of the library follows."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lazyrich
from lazyrich.networks import data as networks_data
from lazyrich.networks.data import DATA, DISTRIBUTIONS, SOURCES
from lazyrich.sweep.schema import SweepError

FOLDER = Path(networks_data.__file__).parent

# A source that is computed and takes no path.
SPIRAL = '''
"""Points on a spiral."""

import hashlib

from lazyrich.networks.data.interface import Source


def pool(path):
    import numpy as np

    from lazyrich.networks.data.pool import Pool

    turn = np.linspace(0, 3, 20)
    X = np.column_stack([np.cos(turn), np.sin(turn), turn])
    return Pool((X,), turn // 1.5, (float(X.min()), float(X.max())))


def digest(path):
    return hashlib.sha256(b"20 points").hexdigest()


SOURCE = Source(name="spiral", title="the spiral", description="`spiral` (20 points)", pool=pool, digest=digest)
'''
# A source that is a user's own folder, with a check and test samples.
TABLES = '''
"""Tables of numbers."""

from pathlib import Path

from lazyrich.networks.data.digest import of_file
from lazyrich.networks.data.interface import DataError, Source


def pool(path):
    import numpy as np

    from lazyrich.networks.data.pool import Pool

    train, test = map(np.loadtxt, files(path))
    held_out = Pool((test[:, 1:],), test[:, 0], (0.0, 9.0))
    return Pool((train[:, 1:],), train[:, 0], (0.0, 9.0), held_out=held_out)


def files(path):
    return [Path(path) / name for name in ("train.txt", "test.txt")]


def check(path):
    if not files(path)[1].is_file():
        raise DataError(f"{path}: has no test.txt; write it")


SOURCE = Source(
    name="tables",
    description="`tables` of numbers",
    pool=pool,
    digest=lambda path: "+".join(map(of_file, files(path))),
    files=files,
    check=check,
    takes_path="folder",
    path_description="the folder of `train.txt` and `test.txt`",
    path_fix="ask for it",
    test_description="of `tables` its `test.txt`",
    own=True,
)
'''
SCRIPT = """
import sys
from pathlib import Path

from lazyrich.sweep.docs import json_schema, keys_page
from lazyrich.sweep.reader import SweepError, load_sweep
from lazyrich.sweep.words import source_name

page, schema = keys_page(), json_schema()
assert "numpy" not in sys.modules

import lazyrich
import numpy as np

assert Path(lazyrich.__file__).is_relative_to(Path.cwd()), lazyrich.__file__


def sweep(source, **problem):
    return {
        "problem": {"source": source, "inputs": "scaled", **problem},
        "network": {"width": 3, "laziness": 1},
        "training": {"stability_fraction": 0.1, "steps": 5},
        "record": {"points": 3, "observables": ["loss", "test_loss"]},
    }


def check_refused(message, source, **problem):
    try:
        load_sweep(sweep(source, **problem))
    except SweepError as error:
        assert message in str(error), error
    else:
        raise AssertionError(f"is not refused: {message}")


def check_same(one, other):
    assert one.test_loss.values[0, -1] < one.test_loss.values[0, 0]
    for name in ("loss", "test_loss"):
        np.testing.assert_array_equal(one[name].values, other[name].values)
"""
OF_SPIRAL = """
from hashlib import sha256

assert "or `spiral` (20 points)" in page and '"spiral"' in schema
check_refused("problem.path: belongs to the sources cifar10 and file; remove it", "spiral", samples=4, path=sys.argv[0])
check_refused("problem.samples: is missing; add it", "spiral")
check_refused("write at most 20", "spiral", samples=21, test_samples=1)

chosen = {"samples": 6, "classes": "0-1", "targets": "one_vs_rest", "test_samples": 4}
assert source_name("spiral") == "the spiral"
data = lazyrich.run(sweep("spiral", **chosen))
assert data.attrs["data_checksum"] == sha256(b"20 points").hexdigest()
turn = np.linspace(0, 3, 20)
np.savez("same.npz", X=np.column_stack([np.cos(turn), np.sin(turn), turn]), y=turn // 1.5)
check_same(data, lazyrich.run(sweep("file", path="same.npz", **chosen)))
"""
OF_TABLES = """
from hashlib import sha256

assert "`tables`: the folder of `train.txt` and `test.txt`" in page and "of `tables` its `test.txt`" in page
assert "`file`, `tables` without it" in page
check_refused("problem.path = mine: no such folder (mine); ask for it", "tables", path="mine")
check_refused("problem.path: is missing; add it", "tables")
check_refused("no such file (.); check the path", "unknown", path=".")

table = np.random.default_rng(1).integers(0, 10, (9, 5)).astype(float)
table[0, 1], table[1, 1] = 0, 9
Path("mine").mkdir()
np.savetxt("mine/train.txt", table[:6])
check_refused("problem.path: mine: has no test.txt; write it", "tables", path="mine", test_samples=3)
np.savetxt("mine/test.txt", table[6:])
data = lazyrich.run(sweep("tables", path="mine", test_samples=3))  # without samples: all
sums = [sha256(Path(f"mine/{name}.txt").read_bytes()).hexdigest() for name in ("train", "test")]
assert data.attrs["data_checksum"] == "+".join(sums)
np.savez("same.npz", X=table[:6, 1:], y=table[:6, 0], X_test=table[6:, 1:], y_test=table[6:, 0])
check_same(data, lazyrich.run(sweep("file", path="same.npz", test_samples=3)))
"""
# The same points as a user's own data without a path.
OF_WHOLE = """
check_refused("problem.test_samples = 3: all samples are trained on; write problem.samples", "whole", test_samples=3)
data = lazyrich.run({**sweep("whole"), "record": {"points": 3}})
assert (data.samples.item(), data.dimension.item()) == (20, 3)
"""
WHOLE = SPIRAL.replace('name="spiral", title="the spiral",', 'name="whole", own=True,')


@pytest.mark.parametrize(
    ("name", "module", "script"),
    [("spiral", SPIRAL, OF_SPIRAL), ("tables", TABLES, OF_TABLES), ("whole", WHOLE, OF_WHOLE)],
    ids=["spiral", "tables", "whole"],
)
def test_one_module_and_its_name_in_the_list_add_a_source(tmp_path, name, module, script):
    package = tmp_path / "lazyrich"
    shutil.copytree(Path(lazyrich.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / f"networks/data/{name}.py").write_text(module)
    listed = package / "networks/data/__init__.py"
    text = listed.read_text(encoding="utf-8")
    for last, longer in (("file\n", f"file, {name}\n"), ("file.SOURCE", f"file.SOURCE, {name}.SOURCE")):
        assert text.count(last) == 1
        text = text.replace(last, longer)
    listed.write_text(text, encoding="utf-8")
    (tmp_path / "check.py").write_text(SCRIPT + script, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "check.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_no_two_sources_or_laws_have_one_name():
    """A second source of one name would silently take the place of the first."""
    modules = [path for path in FOLDER.glob("*.py") if "\nSOURCE = " in path.read_text(encoding="utf-8")]
    assert len(modules) == len(SOURCES)
    assert not set(SOURCES) & set(DISTRIBUTIONS)


def test_a_source_says_which_path_it_takes():
    for source in SOURCES.values():
        assert bool(source.takes_path) == bool(source.path_description)


@pytest.mark.parametrize("name", DATA)
def test_a_missing_path_is_named_with_the_fix_of_its_source(name, tmp_path):
    source = SOURCES[name]
    missing = tmp_path / "nowhere"
    sweep = {"problem": {"source": name, "samples": 3, "path": str(missing)}, "network": {}, "training": {}}
    with pytest.raises(SweepError) as caught:
        lazyrich.load_sweep(sweep)
    assert f"no such {source.takes_path or 'file'} ({missing}); {source.path_fix}" in str(caught.value)
