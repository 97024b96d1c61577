"""Formulas: a key's value as an expression of other numbers of the same network, such as `0.005/scale**2`.

The language is numbers, `+ - * / **`, parentheses, a few functions and pi. It is checked before anything is evaluated, and
`simpleeval` evaluates it. Values come one by one from Python's own arithmetic, so that a formula and its numbers written out
are the same bits. No numpy here: sweep files are read without it.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from simpleeval import SimpleEval

from lazyrich.networks.digits import rounded

MOST_CHARACTERS = 300
MOST_NESTED = 100
EXACT_BITS = 64  # of an integer power; others are taken as float, so that none is long to compute
CONSTANTS = {"pi": math.pi}

SIGNS = r"[A-Za-z0-9_.+\-*/(),\s]"


def _power(base: Any, exponent: Any) -> Any:
    whole = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
    if whole and exponent * base.bit_length() <= EXACT_BITS:
        return base**exponent
    return float(base) ** float(exponent)


def _checked(of: Callable[..., Any]) -> Callable[..., Any]:
    """Return the operation with an error for a result that is no finite real number."""

    def operation(*values: Any) -> Any:
        result = of(*values)
        if isinstance(result, complex):
            raise ValueError("takes a root of a negative number")
        if not math.isfinite(result):
            raise OverflowError
        return result

    return operation


# Function -> what computes it, and whether it takes one number (or several).
FUNCTIONS: dict[str, tuple[Callable[..., Any], bool]] = {
    "sqrt": (math.sqrt, True),
    "exp": (math.exp, True),
    "log": (math.log, True),
    "abs": (abs, True),
    "round": (round, True),
    "min": (min, False),
    "max": (max, False),
}
_CHECKED = {name: _checked(of) for name, (of, _) in FUNCTIONS.items()}
_OPERATORS = {
    ast.Add: _checked(operator.add),
    ast.Sub: _checked(operator.sub),
    ast.Mult: _checked(operator.mul),
    ast.Div: _checked(operator.truediv),
    ast.Pow: _checked(_power),
    ast.UAdd: _checked(operator.pos),
    ast.USub: _checked(operator.neg),
}
LANGUAGE = f"numbers, names, + - * / **, parentheses, {', '.join(FUNCTIONS)} and pi"
RESERVED = (*FUNCTIONS, *CONSTANTS)  # names with a meaning of their own


@dataclass(frozen=True)
class Formula:
    """A formula in its one spelling, without spaces; `integer` if its key takes integers.

    Raises
    ------
    ValueError
        for a text that is no formula: what is wrong; the fix.
    """

    text: str
    integer: bool = False

    def __post_init__(self) -> None:
        _parsed(self.text)
        object.__setattr__(self, "text", "".join(self.text.split()))

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it uses, in their order."""
        return _parsed(self.text)[1]

    def values(self, cells: Iterable[Mapping[str, Any]]) -> list[int | float]:
        """Return its value in each of `cells` (name -> number), to the digits that a sweep keeps.

        Raises
        ------
        ValueError
            where it has none; the message says why and names the cell.
        """
        evaluator = SimpleEval(operators=_OPERATORS, functions=_CHECKED)
        tree = _parsed(self.text)[0]
        results = []
        for cell in cells:
            evaluator.names = {name: cell[name] for name in self.names} | CONSTANTS
            try:
                results.append(self._spelled(evaluator.eval(self.text, tree)))
            except ZeroDivisionError:
                raise ValueError(f"divides by 0{self._where(cell)}; {_FIX}") from None
            except OverflowError:
                raise ValueError(f"is too large{self._where(cell)}; {_FIX}") from None
            except ValueError as error:
                what = "takes a root or a logarithm out of its range" if "math domain" in str(error) else str(error)
                what, _, fix = what.partition("; ")
                raise ValueError(f"{what}{self._where(cell)}; {fix or _FIX}") from None
        return results

    def _spelled(self, value: Any) -> int | float:
        if not self.integer:
            return rounded(float(value)) + 0.0  # no -0
        if isinstance(value, int):
            return value
        number = rounded(value)
        if number != int(number):
            raise ValueError(f"is {number:.12g} and no integer; write round({self.text})")
        return int(number)

    def _where(self, cell: Mapping[str, Any]) -> str:
        return where({name: cell[name] for name in self.names})


_FIX = "write a formula that is a number in every cell"


def where(cell: Mapping[str, Any]) -> str:
    """Return ` at scale = 0.1, delta = 0`; nothing for a cell without numbers."""
    text = ", ".join(f"{name} = {value:.12g}" for name, value in cell.items())
    return f" at {text}" if text else ""


@cache
def _parsed(text: str) -> tuple[ast.expr, tuple[str, ...]]:
    """Return a formula's tree and the names that it uses; raise ValueError for what is no formula."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"is a formula of {len(text)} characters; write at most {MOST_CHARACTERS}")
    for sign in text:
        if not re.match(SIGNS, sign):
            hint = "write a power as **" if sign == "^" else f"write {LANGUAGE}"
            raise ValueError(f"is neither a number nor a formula ({sign!r} is not allowed); {hint}")
    try:
        tree = ast.parse(" ".join(text.split()), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(f"is neither a number nor a formula; write {LANGUAGE}") from None
    names: dict[str, None] = {}
    _check(tree, names, 0)
    return tree, tuple(names)


def _check(node: ast.expr, names: dict[str, None], depth: int) -> None:
    """Raise ValueError for a part that is not of the language; add the names that it uses."""
    if depth > MOST_NESTED:
        raise ValueError(f"is a formula nested over {MOST_NESTED} deep; write a shorter one")
    parts: list[ast.expr]
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            try:
                finite = math.isfinite(value)
            except OverflowError:
                finite = False
            if not finite:
                raise ValueError("holds a number that is too large; write a finite one")
            parts = []
        case ast.Name(id=name) if name in FUNCTIONS:
            raise ValueError(f"names the function {name} without its argument; write {name}(…)")
        case ast.Name(id=name):
            if name not in CONSTANTS:
                names[name] = None
            parts = []
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            parts = [operand]
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _OPERATORS:
            parts = [left, right]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            one = FUNCTIONS[name][1]
            if len(args) != 1 if one else len(args) < 2:
                takes = "one number" if one else "two numbers or more"
                raise ValueError(f"calls {name} with {len(args)}; give it {takes}")
            parts = args
        case ast.Call(func=ast.Name(id=name)):
            raise ValueError(f"calls {name}, which is no function of formulas; write one of {', '.join(FUNCTIONS)}")
        case ast.Attribute(value=ast.Name(id="problem" | "network" | "training" | "axes" as section), attr=key):
            raise ValueError(f"names {section}.{key}; write a key without its section, {key}")
        case _:
            raise ValueError(f"is not a formula; write it with nothing but {LANGUAGE}")
    for part in parts:
        _check(part, names, depth + 1)


def evaluated(formulas: Mapping[str, Formula], cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return a cell (key -> value) with the values of formulas, which stand in an order in which each can be evaluated."""
    result = dict(cell)
    for key, formula in formulas.items():
        (result[key],) = formula.values([result])
    return result
