"""Fingerprints of the workflow's rules: of all that their scripts run."""

import inspect
import re
from pathlib import Path

import pytest

from lazyrich.engines.select import ENGINES, modules
from lazyrich.planning.rules import RULES, source
from lazyrich.system.provenance import BESIDE, PACKAGE, _file, _imports, _reached

WORKFLOW = Path(__file__).parents[2] / "workflow"
SCRIPTS = sorted((WORKFLOW / "scripts").glob("*.py"))
# What a script uses besides, and why it decides nothing.
UNDECIDING = {
    "simulate_shard": {
        "planning/folder.py",  # finds the recipe, whose hash is the shard's name
        "shards/archive.py",  # writes what was trained
        "shards/integrity.py",  # and its checksum
        "sweep/config.py",  # the device
    },
    # Refuses what is damaged.
    **dict.fromkeys(("analyse_sweep", "draw_figures", "write_report", "measure_claims"), {"shards/integrity.py"}),
    # Its output is held against known sums.
    "fetch_cifar10": {"networks/data/fetch.py"},
}


def covered(rule):
    engines = modules(ENGINES) if rule == "simulate_shard" else ()
    return _reached((*RULES.get(rule, ()), *engines)) | UNDECIDING.get(rule, set()) | BESIDE


def used(script):
    """The files of the library that a script imports, but for what every job does around its work."""
    return {path for path in map(_file, _imports(script)) if path and not path.startswith("system/")}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_fingerprint_covers_what_its_script_imports(script):
    rooms = {path for path in used(script) if path.endswith("/__init__.py") and path not in covered(script.stem)}
    assert used(script) - rooms <= covered(script.stem)
    # A room is no more than its docstring, or it would be named above.
    for room in rooms:
        assert (PACKAGE / room).read_text(encoding="utf-8").strip().count('"""') == 2


def test_every_rule_with_a_script_has_the_fingerprint_of_its_name():
    rules = {}
    for path in (WORKFLOW / "rules").glob("*.smk"):
        for name, body in re.findall(r"^(?:rule|checkpoint) (\w+):\n((?:(?:    .*)?\n)*)", path.read_text(), re.M):
            rules[name] = body
    rules = {name: body for name, body in rules.items() if "script:" in body}
    assert sorted(rules) == [script.stem for script in SCRIPTS]
    assert sorted(RULES) == sorted(set(rules) - {"fetch_cifar10"})
    for name in RULES:
        assert f"scripts/{name}.py" in rules[name]
        wanted = "source=source_of_simulation," if name == "simulate_shard" else f'source=source("{name}"),'
        assert wanted in rules[name]


@pytest.mark.parametrize("rule", RULES)
def test_every_root_is_a_module(rule):
    assert re.fullmatch("[0-9a-f]{16}", source(rule))


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_names_every_module_that_it_imports(engine, tmp_path):
    code = tmp_path / "engine.py"
    code.write_text(inspect.getsource(ENGINES[engine].evolve))
    imported = {path for path in map(_file, _imports(code)) if path and path != "engines/__init__.py"}
    assert imported == {_file(module) for module in modules([engine])}


def test_a_sweep_is_of_the_engines_that_it_needs_and_of_no_other():
    """Else an edit of the Gram engine would train every linear network again."""
    engines = {f"engines/{name}.py" for name in ("batched", "dense", "fused", "gram", "propagator")}
    needed = {"propagator": {"batched", "fused", "propagator"}, "gram": {"gram"}, "dense": {"dense"}}
    for engine, names in needed.items():
        reached = _reached((*RULES["simulate_shard"], *modules([engine])))
        assert reached & engines == {f"engines/{name}.py" for name in names}
        assert "engines/select.py" in reached  # which engine a batch gets decides its last digits


def test_training_does_not_follow_from_how_sweep_files_are_read():
    """Else another word in a help text would make every network train again."""
    files = _reached((*RULES["simulate_shard"], *modules(ENGINES)))
    imported = {path: sorted({_file(m) for m in _imports(PACKAGE / path)} & files) for path in files}
    found = [
        f"{path} imports {other}" for path in sorted(files) for other in imported[path] if other.startswith("sweep/")
    ]
    assert found == []
