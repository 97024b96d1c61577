"""Values of a key of the sweep file: a number or a name, or an axis of them.

`Real`, `Integer`, `Choice`, `Classes` and `Memory` are the rules for one value; `swept(rule)` also admits an axis
(`{values: [...]}`, `{linear: [a, b], points: N}`, `{log: [a, b], points: N}`) and, for numbers, a formula. Every error says
what is wrong and how to fix it; the caller adds file and key. No numpy here: Snakemake imports this in every job.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_core import core_schema

from lazyrich.networks.digits import SIGNIFICANT_DIGITS, rounded
from lazyrich.networks.formulas import SIGNS, Formula

_KINDS = {bool: "true/false", str: "text", list: "a list", dict: "a mapping", type(None): "empty"}


def _number(value: Any) -> float:
    # PyYAML reads 1e-5 (no dot) as text; people write it, so it is a number here.
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise ValueError("is text where a number is needed; write a number") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        kind = _KINDS.get(type(value), type(value).__name__)
        raise ValueError(f"is {kind} where a number is needed; write a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("is not finite; write a finite number")
    if abs(value) > sys.float_info.max:  # an integer of hundreds of digits
        raise ValueError("is too large; write a finite number")
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Real:
    """A finite real number, at least `least` (above it if `open`)."""

    least: float | None = None
    open: bool = False

    def __call__(self, value: Any) -> float:
        """Return the value in its one spelling; ValueError with a fix."""
        value = float(_number(value))
        if self.least is not None and (value < self.least or (self.open and value == self.least)):
            raise ValueError(f"is too small; write a {self.text}")
        return rounded(value)

    @property
    def text(self) -> str:
        """The rule in words."""
        if self.least is None:
            return "number"
        return f"number {'>' if self.open else '≥'} {self.least:g}"

    @property
    def schema(self) -> dict[str, Any]:
        """The rule as JSON schema."""
        if self.least is None:
            return {"type": "number"}
        return {"type": "number", "exclusiveMinimum" if self.open else "minimum": self.least}


@dataclass(frozen=True)
class Integer:
    """An integer from `least` to `most`."""

    least: int
    most: int = 2**63 - 1

    def __call__(self, value: Any) -> int:
        """Return the value in its one spelling; ValueError with a fix."""
        number = _number(value)
        if number != int(number):
            raise ValueError(f"is not an integer; write an {self.text}")
        # Through int, so that integers above 2**53 written as such keep every digit.
        number = int(number)
        if number < self.least:
            raise ValueError(f"is too small; write an {self.text}")
        if number > self.most:
            raise ValueError(f"is too large; write an {self.text}")
        return number

    @property
    def text(self) -> str:
        """The rule in words."""
        return f"integer ≥ {self.least}" + (" up to 2⁶³ − 1" if self.most == 2**63 - 1 else f" up to {self.most}")

    @property
    def schema(self) -> dict[str, Any]:
        """The rule as JSON schema."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class Choice:
    """One of `names`, or a text that matches the pattern `own`."""

    names: tuple[str, ...]
    own: str = ""
    own_text: str = ""

    def __call__(self, value: Any) -> str:
        """Return the value in its one spelling; ValueError with a fix."""
        if value not in self.names and not (self.own and isinstance(value, str) and re.match(self.own, value)):
            raise ValueError(f"is not known; write {self.text}")
        return str(value)

    @property
    def text(self) -> str:
        """The rule in words."""
        text = " or ".join(self.names) if len(self.names) < 3 else "one of " + ", ".join(self.names)
        return f"{text}, or {self.own_text}" if self.own else text

    @property
    def schema(self) -> dict[str, Any]:
        """The rule as JSON schema."""
        names = {"enum": list(self.names)}
        return {"anyOf": [names, {"type": "string", "pattern": self.own}]} if self.own else names


@dataclass(frozen=True)
class Classes:
    """Numbers of classes of labelled data: `3-8`, `[3, 8]` or 3 alone; the one spelling is text in rising order."""

    def __call__(self, value: Any) -> str:
        """Return the value in its one spelling; ValueError with a fix."""
        parts = value.split("-") if isinstance(value, str) else value
        try:
            numbers = [Integer(0)(part) for part in (parts if isinstance(parts, (list, tuple)) else [parts])]
        except ValueError:
            numbers = []
        if not numbers:
            raise ValueError(f"is no list of classes; write {self.text}")
        if len(set(numbers)) < len(numbers):
            raise ValueError("names a class twice; write each once")
        return "-".join(map(str, sorted(numbers)))

    @property
    def text(self) -> str:
        """The rule in words."""
        return "classes by number, such as 3-8 or [3, 8]"

    @property
    def schema(self) -> dict[str, Any]:
        """The rule as JSON schema."""
        number = {"type": "integer", "minimum": 0}
        text = {"type": "string", "pattern": r"^\d+(-\d+)*$"}
        return {"anyOf": [number, text, {"type": "array", "items": number, "minItems": 1, "uniqueItems": True}]}


@dataclass(frozen=True)
class Memory:
    """An amount of memory with its unit, at least `least` bytes."""

    least: int

    def __call__(self, value: Any) -> str:
        """Return the value as text; ValueError with a fix."""
        if not isinstance(value, str) or not re.match(_MEMORY, value):
            raise ValueError(f"is not an amount of memory; write a {self.text}")
        if in_bytes(value) < self.least:
            raise ValueError(f"is too small; write at least {self.least // 10**6} MB")
        return value

    @property
    def text(self) -> str:
        """The rule in words."""
        return f"number with a unit ({', '.join(_UNITS)})"

    @property
    def schema(self) -> dict[str, Any]:
        """The rule as JSON schema."""
        return {"type": "string", "pattern": _MEMORY}


_UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}
_MEMORY = rf"^(\d+(?:\.\d+)?) ?({'|'.join(_UNITS)})$"


def in_bytes(memory: str) -> int:
    """Return an amount of memory (a value of `Memory`) in bytes."""
    match = re.match(_MEMORY, memory)
    assert match, memory
    number, unit = match.groups()
    return int(float(number) * _UNITS[unit])


Rule = Real | Integer | Choice | Classes | Memory
NAMES = (Choice, Classes)  # their axes can only be lists


@dataclass(frozen=True)
class Axis:
    """Distinct values of one swept key, in the order of the file, and how they are spaced."""

    values: tuple[Any, ...]
    spacing: Literal["values", "linear", "log"]

    def __len__(self) -> int:
        return len(self.values)


def _spaced(ends: Any, points: Any, spacing: str) -> list[float]:
    if not isinstance(ends, (list, tuple)) or len(ends) != 2:
        raise ValueError(f"has no two ends; write {spacing}: [first, last]")
    first, last = (float(_number(end)) for end in ends)
    points = Integer(2, 10**6)(points)
    if first == last:
        raise ValueError("is an axis of no length; write two different ends, or one number")
    if spacing == "log":
        if not (first > 0 and last > 0):
            raise ValueError("is a log axis that reaches zero; write ends above 0, or use linear or values")
        first, last = math.log(first), math.log(last)
    steps = [first + (last - first) * i / (points - 1) for i in range(points)]
    if spacing == "log":
        steps = [math.exp(step) for step in steps]
        # The ends are those of the file, not exp(log(...)) of them.
        steps[0], steps[-1] = float(ends[0]), float(ends[1])
    return steps


def parse_axis(data: dict[str, Any], rule: Rule) -> Axis:
    """Read an axis mapping of the sweep file; raise ValueError with a fix."""
    keys = set(data)
    if keys == {"values"}:
        raw = data["values"]
        if not isinstance(raw, (list, tuple)):
            raise ValueError("has `values` that are no list; write values: [...]")
        if not raw:
            raise ValueError("is an empty axis; write at least one value")
        values = tuple(rule(value) for value in raw)
        if len(set(values)) < len(values):
            twice, _ = Counter(values).most_common(1)[0]
            raise ValueError(f"holds {twice!r} twice (to {SIGNIFICANT_DIGITS} significant digits); drop one")
        return Axis(values, "values")
    for spacing in ("linear", "log"):
        if keys == {spacing, "points"}:
            if isinstance(rule, NAMES):
                raise ValueError("takes names, not numbers; write values: [...]")
            steps = _spaced(data[spacing], data["points"], spacing)
            if isinstance(rule, Integer):
                # Neighbours that round to the same integer are one point.
                values = tuple(dict.fromkeys(rule(round(step)) for step in steps))
            else:
                values = tuple(rule(step) for step in steps)
                if len(set(values)) < len(values):
                    raise ValueError(
                        f"has points closer than {SIGNIFICANT_DIGITS} significant digits; write fewer points"
                    )
            return Axis(values, spacing)
    raise ValueError("is not an axis; write {values: [...]}, {linear: [a, b], points: N} or {log: [a, b], points: N}")


def _schema_of_axis(rule: Rule) -> list[dict[str, Any]]:
    def mapping(**properties: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    choices = [mapping(values={"type": "array", "items": rule.schema, "minItems": 1})]
    if not isinstance(rule, NAMES):
        ends = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
        points = {"type": "integer", "minimum": 2}
        choices += [mapping(linear=ends, points=points), mapping(log=ends, points=points)]
    return choices


@dataclass(frozen=True)
class Key:
    """A key's rule as pydantic metadata: parsing, JSON schema and documents all read it."""

    rule: Rule
    axis: bool
    formulas: bool = True  # of a key of numbers that may be an axis

    def parse(self, value: Any) -> Any:
        """Return one value under the rule, or an axis or a formula of them; ValueError with a fix."""
        if isinstance(value, (Axis, Formula)):
            return value
        if self.takes_formulas and isinstance(value, str) and not _is_number(value):
            return Formula(value, integer=isinstance(self.rule, Integer))
        if not isinstance(value, dict):
            return self.rule(value)
        if not self.axis:
            raise ValueError(f"cannot be swept; write one {self.rule.text}")
        return parse_axis(value, self.rule)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        if not self.axis:
            return self.rule.schema
        formula: list[dict[str, Any]] = [{"type": "string", "pattern": f"^{SIGNS}+$"}] if self.takes_formulas else []
        return {"anyOf": [self.rule.schema, *_schema_of_axis(self.rule), *formula]}

    @property
    def takes_formulas(self) -> bool:
        """Whether its value may be a formula."""
        return self.axis and self.formulas and isinstance(self.rule, (Real, Integer))


def scalar(rule: Rule) -> Key:
    """Return a key that holds one value under `rule`."""
    return Key(rule, axis=False)


def swept(rule: Rule) -> Key:
    """Return a key that holds one value under `rule`, or an axis of them; if it takes numbers, or a formula."""
    return Key(rule, axis=True)


def own_axis() -> Key:
    """Return the key of an axis of the user's own, of any numbers."""
    return Key(Real(), axis=True, formulas=False)
