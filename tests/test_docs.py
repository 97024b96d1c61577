"""Names of files and modules, wherever the project's text states them: each is there."""

import re
import subprocess
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import lazyrich

ROOT = Path(__file__).parents[1]
PACKAGE = Path(lazyrich.__file__).parent
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file())
# What a file path may begin with: folders of the project that hold no results, and rooms of the library.
FOLDERS = ["benchmarks", "config", "docs", "profiles", "src", "tests", "workflow"]
PATH = re.compile(rf"(?<![\w/.-])(?:{'|'.join([*FOLDERS, *ROOMS])})/(?:[\w./*-]*[\w*/])?")
DOTTED = re.compile(r"(?<![\w./-])lazyrich(?:\.[A-Za-z_]\w*)+(?!\w|-)")
MADE_UP = {"config/sweeps/mine.yaml"}  # what a user is told to write
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def tracked(*folders):
    """Text files of the project, as git knows them; all of these folders."""
    command = ["git", "ls-files", "--", *folders]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    binary = {".gz", ".npz", ".nc", ".png"}
    return [name for name in names if Path(name).suffix not in binary and (ROOT / name).is_file()]


def is_there(path):
    """Whether a path of the project, or one of the library's rooms, with or without .py, leads to something."""
    places = [ROOT / path, PACKAGE / path, PACKAGE / f"{path}.py"]
    return any(place.exists() for place in places) or any(ROOT.glob(path)) or any(PACKAGE.glob(path))


def resolves(name):
    """Whether a dotted name is a module, or what a module or one of its classes holds."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = find_spec(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        if found is None:
            continue
        held = import_module(".".join(parts[:cut]))
        for part in parts[cut:]:
            if not hasattr(held, part):
                return False
            held = getattr(held, part)
        return True
    return False


@pytest.mark.parametrize(
    ("named", "there"),
    [
        ("src/lazyrich/networks/losses.py", True),
        ("networks/losses.py", True),
        ("networks/losses", True),
        ("draw/", True),
        ("config/sweeps/*.yaml", True),
        ("networks/loss.py", False),
        ("src/lazyrich/losses.py", False),
    ],
)
def test_a_path_that_leads_nowhere_is_found_out(named, there):
    assert PATH.findall(f"see `{named}`, and") == [named]
    assert is_there(named) == there


@pytest.mark.parametrize(
    ("named", "there"),
    [
        ("lazyrich.networks.losses", True),
        ("lazyrich.networks.losses.LOSSES", True),
        ("lazyrich.run", True),
        ("lazyrich.networks.data", True),
        ("lazyrich.losses", False),
        ("lazyrich.networks.losses.NONE", False),
    ],
)
def test_a_name_that_does_not_resolve_is_found_out(named, there):
    assert DOTTED.findall(f"by `{named}`.") == [named]
    assert resolves(named) == there


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_what_is_there(page):
    text = page.read_text(encoding="utf-8")
    assert [path for path in PATH.findall(text) if path not in MADE_UP and not is_there(path)] == []
    assert [name for name in DOTTED.findall(text) if not resolves(name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_comments_and_messages_name_files_that_are_there():
    """Whole paths in anything but the changelog, which tells of the past, and lists of what is installed."""
    path = re.compile(
        r"(?<![\w/.-])(?:src/lazyrich|tests|docs|profiles|workflow|benchmarks)/[\w./-]*\.(?:py|md|smk|yaml|yml)\b"
    )
    lost = {}
    for name in tracked():
        if name not in ("CHANGELOG.md", "tests/test_docs.py"):
            missing = [
                each for each in path.findall((ROOT / name).read_text(encoding="utf-8")) if not (ROOT / each).exists()
            ]
            lost |= {name: missing} if missing else {}
    assert lost == {}


def test_library_rules_and_settings_name_modules_that_are_there():
    """Dotted names in code, comments and strings; tests make up names that are not there."""
    lost = {}
    for name in tracked("src", "workflow", "profiles", "benchmarks", "pyproject.toml", "Makefile", ".ci"):
        missing = [each for each in DOTTED.findall((ROOT / name).read_text(encoding="utf-8")) if not resolves(each)]
        lost |= {name: missing} if missing else {}
    assert lost == {}


def test_the_version_is_one():
    """The library's is that of the citation and of the changelog's newest section."""
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
    cited = re.search(r"^version: (\S+)", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
    assert (newest, cited) == (lazyrich.__version__, lazyrich.__version__)
