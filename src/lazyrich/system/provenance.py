"""The source of a result: a fingerprint of the code that decides it, and the commit of the project."""

from __future__ import annotations

import ast
import functools
import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# Imported by what decides numbers, but decides none itself.
BESIDE = {
    "analysis/cluster.py",
    "planning/rules.py",
    "shards/source.py",
    "system/compiled.py",
    "system/disk.py",
    "system/extras.py",
    "system/own_cache.py",
    "system/progress.py",
    "system/provenance.py",
    "system/version.py",
}
# Import what only some callers need, in functions; these callers name it as roots of their own (`engines.select.modules`).
DOORS = {"engines/select.py"}

# Arguments that only describe a key, a variable or a source to people: they change no number.
WORDS = {
    "description",
    "formula",
    "long_name",
    "path_description",
    "path_fix",
    "symbol",
    "test_description",
    "test_fix",
    "title",
}


@functools.cache
def fingerprint(*modules: str, words: bool = True) -> str:
    """Return 16 hex digits that change with the code of `modules` and of all that they import of lazyrich.

    Comments, docstrings and layout do not count. Without `words`, texts given as an argument in `WORDS` do not count either:
    a better sentence does not make a million networks train again.

    Raises
    ------
    ValueError
        for a module that is not in lazyrich, or for no module: results that depend on it would never be made anew.
    """
    for module in modules or ("",):
        if not module.startswith("lazyrich.") or _file(module) is None:
            raise ValueError(
                f"{module or 'nothing'}: is no module of lazyrich; name the modules that decide the result"
            )
    digest = hashlib.sha256()
    reached = _reached(modules)
    for path in sorted(reached):
        digest.update(f"{path}\n{_code(PACKAGE / path, words)}\n".encode())
    # Page templates decide what the modules beside them write.
    for folder in sorted({Path(path).parent for path in reached} - {Path()}):
        for template in sorted((PACKAGE / folder).glob("pages/*")):
            digest.update(template.read_bytes())
    return digest.hexdigest()[:16]


def _file(module: str) -> str | None:
    base = Path(*module.split(".")[1:])
    for candidate in (base.with_suffix(".py") if base.name else None, base / "__init__.py"):
        if candidate is not None and (PACKAGE / candidate).is_file():
            return candidate.as_posix()
    return None


def _reached(modules: tuple[str, ...]) -> set[str]:
    """Return the package's files that `modules` import, directly or not, their own files included."""
    todo, files = [_file(module) for module in modules], set()
    while todo:
        path = todo.pop()
        if path is None or path in files:
            continue
        files.add(path)
        todo += {_file(module) for module in _imports(PACKAGE / path, functions=path not in DOORS)} - BESIDE
    return files


@functools.cache
def _imports(path: Path, *, functions: bool = True) -> list[str]:
    """Return the package's modules that a file imports and the names from them; without `functions` those outside of these."""
    modules = []
    for node in _executed(ast.parse(path.read_text(encoding="utf-8")), functions):
        module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
        if isinstance(node, ast.ImportFrom) and module.split(".")[0] == "lazyrich":
            # The package itself is only a door: its __init__ names everything and decides nothing.
            modules += [module] if module != "lazyrich" else []
            modules += [f"{module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names if alias.name.split(".")[0] == "lazyrich"]
    return modules


@functools.cache
def _code(path: Path, words: bool = True) -> str:
    """Return a file's syntax tree without docstrings, as text."""
    tree = _without_docstrings(ast.parse(path.read_text(encoding="utf-8")))
    return ast.dump(tree if words else _without_words(tree))


def _executed(node: ast.AST, functions: bool) -> Iterator[ast.AST]:
    """Yield the nodes below `node`, except what only type checkers read; without `functions` except what is in these."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and getattr(child.test, "id", "") == "TYPE_CHECKING":
            continue
        if functions or not isinstance(child, ast.FunctionDef):
            yield child
            yield from _executed(child, functions)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        match getattr(node, "body", None):
            case [ast.Expr(value=ast.Constant(value=str())), *_] as body:
                del body[0]
    return tree


def _without_words(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            node.keywords = [
                keyword for keyword in node.keywords if keyword.arg not in WORDS or not _is_text(keyword.value)
            ]
    return tree


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


@functools.cache
def commit() -> tuple[str, bool]:
    """Return (commit, dirty) of the project's checkout; ("unknown", False) where there is none."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(PACKAGE), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown", False
