"""Plain arithmetic for every engine: one formula, run by Python, numba, Triton, numpy or torch."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any


def bound(function: Callable[..., Any], **names: Any) -> Any:
    """Return a copy of a function in which these free names have values, such as `xp` a library of array functions.

    The names become globals of the copy, since Triton cannot read closures. Numba identifies cached machine code by file, line
    and qualified name, so the copy's name contains what is bound.
    """
    qualified_name = "_".join(
        [function.__qualname__, *(getattr(value, "__name__", str(value)) for value in names.values())]
    )
    assert isinstance(function, FunctionType)  # only a Python function has free names
    copy = FunctionType(function.__code__, {**function.__globals__, **names}, function.__name__, function.__defaults__)
    copy.__qualname__ = qualified_name
    copy.__doc__ = function.__doc__
    copy.__module__ = function.__module__
    return copy
