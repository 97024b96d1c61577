"""One environment: pip, conda and the rules install the same, and everything is pinned."""

import re
import subprocess
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(pair) == 2 for pair in pairs), "constraints.txt pins exactly"
    return {normal(name): version for name, version in pairs}


def test_every_installed_package_is_pinned_to_its_version():
    found = pins()
    for package in distributions():
        name = normal(package.metadata["Name"])
        if name in ("lazyrich", "pip", "setuptools"):  # the project itself, and what a new venv brings
            continue
        # A local part such as +cpu names the platform's build of the same version.
        assert found.get(name) == package.version.partition("+")[0], name


def requirements():
    """The requirements of the library itself and of every extra, as they stand in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def test_torch_is_the_ordinary_package_at_its_pin():
    assert [each for each in requirements()["torch"] if each.startswith("torch>=")]
    assert pins()["torch"] == "2.13.0"


def test_what_users_install_has_lower_bounds_and_no_pins():
    tools = {"test", "benchmark"}  # for developers, under constraints.txt
    for extra, wanted in requirements().items():
        if extra not in tools:
            for each in wanted:
                assert re.fullmatch(r"[\w.-]+>=[\d.]+|lazyrich\[[\w,]+\]", each), (extra, each)


def test_the_build_backend_is_pinned_too():
    assert "hatchling" in pins()


def test_conda_users_and_rules_get_the_same_environment():
    user = yaml.safe_load((ROOT / "environment.yml").read_text())
    rule = yaml.safe_load((ROOT / "workflow/envs/lazyrich.yml").read_text())
    *conda, pip = user["dependencies"]
    assert conda == rule["dependencies"]
    assert (user["name"], user["channels"]) == (rule["name"], rule["channels"])
    # The pip part runs in the rules' environment after Snakemake has made it, under the same constraints.
    assert pip == {"pip": ["-c constraints.txt", "-e .[all]"]}
    after = (ROOT / "workflow/envs/lazyrich.post-deploy.sh").read_text()
    assert "PIP_CONSTRAINT=constraints.txt python -m pip install -e '.[all]'" in after


def test_every_rule_names_that_environment_and_has_its_manners():
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        rules = re.split(r"^(?:rule|checkpoint) ", path.read_text(), flags=re.MULTILINE)[1:]
        for rule in rules:
            name = rule.partition(":")[0]
            for part in ("log:", "benchmark:", "resources:", "message:", "input:", "output:", '"../envs/lazyrich.yml"'):
                assert part in rule, (name, part)
            assert f'"../scripts/{name}.py"' in rule  # rule = script


def test_no_machine_path_stands_in_the_project():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in tracked:
        text = (ROOT / name).read_bytes()
        assert str(ROOT).encode() not in text, name
        assert str(Path.home()).encode() + b"/" not in text, name


def test_hooks_run_what_make_check_runs_and_fetch_nothing():
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local" and {hook["language"] for hook in local["hooks"]} == {"system"}
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)[1]
    checks = [re.findall(r"^\S+|--check|check", line.strip()) for line in recipe.splitlines()]
    for hook in local["hooks"]:
        # The program, and that it only looks where it could also write.
        program, *options = re.findall(r"^\S+|--check|check", hook["entry"])
        assert [program.replace(".venv/bin", "$(BIN)"), *options] in checks, hook["id"]
