"""Plain arithmetic for every engine: one source of a formula, run by Python, numba, Triton, numpy or torch."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any


def bound(function: Callable[..., Any], **names: Any) -> Any:
    """Return a copy of a function in which these free names stand for something, as `xp` for a library of array functions.

    Bound by name and not as a closure, which Triton does not read. Numba tells cached machine code apart by file, line and
    qualified name, so that the copy's name says what was bound.
    """
    called = "_".join([function.__qualname__, *(getattr(value, "__name__", str(value)) for value in names.values())])
    assert isinstance(function, FunctionType)  # only a function of Python has free names
    copy = FunctionType(function.__code__, {**function.__globals__, **names}, function.__name__, function.__defaults__)
    copy.__qualname__ = called
    copy.__doc__ = function.__doc__
    copy.__module__ = function.__module__
    return copy
