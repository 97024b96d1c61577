"""Activation functions: their names, and the functions themselves if torch is installed.

A user's own function is `file.py:function`: elementwise in torch, differentiable by autograd. Torch is imported only when a
function is needed, because sweep files are checked with this module.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from lazyrich.networks.backends import bound
from lazyrich.system.errors import LazyrichError

xp: Any  # torch, bound to a function when it is needed

OWN = r"^(.+\.py):([A-Za-z_]\w*)$"  # a user's function


Function = Callable[[Any], Any]  # of tensors, elementwise
Map = Callable[[Any, Any, Any], None]  # (x, value, slope): writes φ(x) and φ'(x)


class Activation(NamedTuple):
    """One activation φ."""

    function: Function
    fast: Map | None = None  # without autograd
    kink: bool = False  # no gradient flows at 0


def _linear(x: Any, value: Any, slope: Any) -> None:
    value.copy_(x)
    slope.fill_(1.0)


def _relu(x: Any, value: Any, slope: Any) -> None:
    xp.clamp(x, min=0.0, out=value)
    xp.gt(x, 0.0, out=slope)


def _tanh(x: Any, value: Any, slope: Any) -> None:
    xp.tanh(x, out=value)
    xp.mul(value, value, out=slope).neg_().add_(1.0)


# To add an activation, add its entry; sweep files, the Gram engine, the dense one and documents follow.
ACTIVATIONS = {
    "linear": Activation(lambda x: x, fast=_linear),
    "relu": Activation(lambda x: xp.relu(x), fast=_relu, kink=True),
    "leaky_relu": Activation(lambda x: xp.nn.functional.leaky_relu(x)),
    "tanh": Activation(lambda x: xp.tanh(x), fast=_tanh),
    "gelu": Activation(lambda x: xp.nn.functional.gelu(x)),
}
NAMES = tuple(ACTIVATIONS)


class ActivationError(LazyrichError):
    """A user's activation that cannot be used; the message names file, function and fix."""


def split(name: str) -> tuple[str, str] | None:
    """Return (file, function) of a user's activation, None for one of `NAMES`."""
    path, colon, function = name.rpartition(":")
    return (path, function) if colon else None


def _own(name: str) -> tuple[str, str]:
    parts = split(name)
    assert parts is not None, name  # callers pass a user's activation only
    return parts


def digest(name: str) -> str:
    """Return the SHA-256 of the file of a user's activation."""
    path, _ = _own(name)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def check_file(name: str) -> None:
    """Raise ActivationError unless the file of a user's activation defines the function; run none of it."""
    path, function = _own(name)
    try:
        tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ActivationError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        raise ActivationError(f"{path}: is no Python ({error}); fix it") from None
    defined = _defined(tree)
    if function not in defined and "*" not in defined:
        options = ", ".join(sorted(defined)) or "nothing"
        raise ActivationError(f"{path}: defines no {function} (but {options}); write file.py:function")


def _defined(node: ast.AST) -> set[str]:
    """Return the names that a module defines, also under conditions, but not inside functions and classes."""
    bindings = set()
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                bindings.add(name)
            case ast.Assign() | ast.AnnAssign():
                targets = child.targets if isinstance(child, ast.Assign) else [child.target]
                bindings |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.ImportFrom(names=names) | ast.Import(names=names):
                bindings |= {alias.asname or alias.name for alias in names}
            case _:
                bindings |= _defined(child)
    return bindings


def function(name: str) -> Function:
    """Return the function φ of tensors, elementwise.

    Raises
    ------
    ActivationError
        for a user's function that fails, is not elementwise or has no derivative.
    """
    import torch

    parts = split(name)
    if parts is None:
        builtin: Function = bound(ACTIVATIONS[name].function, xp=torch)
        return builtin
    path, function_name = parts
    try:
        spec = importlib.util.spec_from_file_location(Path(path).stem, path)
        assert spec is not None  # the name ends in .py (`OWN`)
        module = importlib.util.module_from_spec(spec)
        # Not by the loader: its bytecode cache compares time (in seconds) and size, so it may be older than the file.
        exec(compile(Path(path).read_bytes(), path, "exec"), module.__dict__)
        phi: Function = getattr(module, function_name)
        with torch.enable_grad():
            x = torch.tensor([[-0.5, 0.25, 1.5], [1.0, -2.0, 0.75]], dtype=torch.float64, requires_grad=True)
            value = phi(x)
            (slope,) = torch.autograd.grad(value.sum(), x)
        alone = torch.stack([phi(entry) for entry in x.detach().flatten()]).reshape(x.shape)
    except Exception as error:  # a user's code may raise anything
        raise ActivationError(
            f"{path}: {function_name} fails on a tensor ({type(error).__name__}: {error}); write a torch function that "
            "autograd can differentiate"
        ) from None
    if value.dtype != torch.float64 or not torch.allclose(value, alone, rtol=1e-12, atol=0):
        raise ActivationError(
            f"{path}: {function_name} is not elementwise in float64; write a function of each entry alone"
        )
    if not (torch.isfinite(value).all() and torch.isfinite(slope).all()):
        raise ActivationError(
            f"{path}: {function_name} or its slope is not finite at ordinary numbers; write another function"
        )
    return phi


def value_and_slope(name: str) -> Map:
    """Return the map (x, value, slope) that writes φ(x) and φ'(x) to `value` and `slope`; the slope at a kink is autograd's."""
    import torch

    if split(name) is None and (fast := ACTIVATIONS[name].fast):
        fast_map: Map = bound(fast, xp=torch)
        return fast_map
    phi = function(name)

    def by_autograd(x: Any, value: Any, slope: Any) -> None:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            result = phi(x)
            (by_x,) = torch.autograd.grad(result.sum(), x)
        value.copy_(result.detach())
        slope.copy_(by_x)

    return by_autograd
