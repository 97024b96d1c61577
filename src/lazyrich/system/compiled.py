"""Functions compiled by numba, with a cache that cannot go stale, cannot be another user's and never stops a run.

Numba's own cache checks the file of one function only: it serves old machine code after a function of another file, linked
into it, has changed. It also trusts all files in its folder, and fails on a damaged one. Here the folder belongs to the user
and is named by the fingerprint of the source, and every file is checked before it is unpickled.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

import numba
from numba import njit
from numba.core.caching import FunctionCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from lazyrich.system.disk import replacing
from lazyrich.system.own_cache import check_own, own_cache
from lazyrich.system.provenance import fingerprint

DIGEST = hashlib.sha256().digest_size


def cached_njit(function: Callable[..., Any], *roots: str, **options: Any) -> Any:
    """Return `function` compiled by numba with `options` on first use, or loaded from the user's cache.

    `roots` are the modules whose source, with all that it imports, decides the machine code; by default the function's own.
    """
    dispatcher = njit(**options)(function)
    dispatcher._cache = _Cache(function, roots or (function.__module__,))
    return dispatcher


class _Cache(FunctionCache):  # type: ignore[misc]  # numba's classes are Any
    """A file for each signature: SHA-256 of the rest, then a pickle of the signature's key and its machine code."""

    # Not numba's, which would choose a folder at import.
    def __init__(self, function: Callable[..., Any], roots: tuple[str, ...]) -> None:
        self._py_func = function
        self._roots = roots
        self._text = _text(function.__code__)

    @property
    def cache_path(self) -> str | None:
        """The folder of the files, None where there is none."""
        folder = _folder(self._roots)
        return None if folder is None else str(folder)

    def load_overload(self, sig: Any, target_context: Any) -> CompileResult | None:
        """Return the machine code for a signature, None where it has to be compiled."""
        target_context.refresh()
        key = self._key(sig, target_context.codegen())
        path = self._path(key)
        if path is None or not os.path.lexists(path):
            return None
        try:
            return CompileResult._rebuild(target_context, *_read(path, key))
        except Exception:  # a damaged file may raise anything
            with contextlib.suppress(OSError):
                path.unlink()
            return None

    def save_overload(self, sig: Any, data: CompileResult) -> None:
        """Store the machine code for a signature, where that is possible."""
        key = self._key(sig, data.codegen)
        path = self._path(key)
        if path is None or data.library.has_dynamic_globals:  # addresses in this process
            return
        content = dumps((key, data._reduce()))
        # The code runs even if the disk refuses it.
        with contextlib.suppress(OSError), replacing(path) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_bytes(hashlib.sha256(content).digest() + content)

    def flush(self) -> None:
        """Do nothing: a file is replaced when its function is compiled again."""

    def _key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        # Numba's key holds the bytecode alone, which `lambda s: s.loss` and `lambda s: s.rho` have in common.
        return *self._index_key(sig, codegen), self._text

    def _path(self, key: tuple[Any, ...]) -> Path | None:
        folder = _folder(self._roots)
        name = f"{self._py_func.__module__}.{self._py_func.__qualname__}".replace("<locals>.", "")
        return None if folder is None else folder / f"{name}-{hashlib.sha256(str(key).encode()).hexdigest()[:16]}"


def _text(code: CodeType) -> str:
    """Return bytecode, names and constants of a function's code as text, inner functions included."""
    inner = [_text(constant) if isinstance(constant, CodeType) else repr(constant) for constant in code.co_consts]
    return repr((code.co_code, code.co_names, inner))


def _read(path: Path, key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the machine code stored for `key`; raise ValueError for a file that was altered or belongs to another key.

    Raises PermissionError for a file that another user could have written.
    """
    with open(path, "rb") as file:
        check_own(file.fileno())
        digest, content = file.read(DIGEST), file.read()
    if hashlib.sha256(content).digest() != digest:
        raise ValueError(f"{path}: was altered")
    stored_key, payload = pickle.loads(content)
    if stored_key != key:
        raise ValueError(f"{path}: is of another signature")
    code: tuple[Any, ...] = payload
    return code


def _folder(roots: tuple[str, ...]) -> Path | None:
    """Return the cache folder for `roots`; warn and return None where the user has no cache of their own."""
    try:
        return own_cache(_name(roots))
    except OSError as error:
        _warn(str(error))
        return None


@functools.cache  # once: numba resets Python's memory of warnings
def _warn(fault: str) -> None:
    warnings.warn(
        f"compiled code is not kept, so every process compiles it again:\n{fault}\n"
        "set XDG_CACHE_HOME to a folder that only you can write to",
        stacklevel=2,
    )


@functools.cache
def _name(roots: tuple[str, ...]) -> str:
    return f"numba-{numba.__version__}-{sys.implementation.cache_tag}-{fingerprint(*roots, words=False)}"
