"""Documents that are generated from the models: the JSON schema and the page of all keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lazyrich.networks import observables
from lazyrich.sweep.axes import Key
from lazyrich.sweep.config import Budget, Cifar10, Configuration
from lazyrich.sweep.schema import Section
from lazyrich.sweep.sweep import Sweep

HEAD = """# Sweep files and configuration

<!-- Generated from the models in src/lazyrich by `make docs`; a test keeps it in step. Edit there. -->

`config.yaml` says which sweeps are made; `sweeps/<name>.yaml` says what one sweep trains. The same keys work in Python:
`lazyrich.run({...})`. A wrong file stops everything before any work, with file, key, value and fix. Editors that read JSON
schema find it in `sweep.schema.json`.

A key marked *axis* takes one value or

    {values: [...]}                 numbers or names
    {linear: [a, b], points: N}     N points from a to b
    {log: [a, b], points: N}        N points, evenly spaced in the logarithm

or, where it takes numbers, a formula of other numbers of the sweep. Axes of your own, under `axes`, are there for that:

    axes:
      scale: {log: [0.1, 10], points: 17}
      delta: {linear: [-1, 1], points: 17}
    network: {sigma_0: "sqrt(scale)*exp(delta)", v_0: "sqrt(scale)*exp(-delta)", …}
    training: {learning_rate: "0.005/scale**2", …}

Maps, boundaries and refinement then run over `scale` and `delta`, and datasets hold the keys' values too. A formula has
numbers, `+ - * / **`, parentheses, `sqrt exp log abs round min max`, `pi`, axes of your own, and keys without their section
(`"round(64*scale)"`, `"0.1/width"`).

Every axis is a dimension of the grid; axes under `zip` advance together and make one. Values are rounded to 12 significant
digits before use. Integers asked for by `linear` or `log` are rounded, and neighbours that coincide then are one point.
"""

SECTIONS = (
    "problem",
    "network",
    "network.probes",
    "training",
    "record",
    "phases",
    "conditions",
    "figures",
    "refine",
    "dask",
)


def json_schema() -> str:
    """Return the sweep file's JSON schema, as text."""
    return json.dumps(Sweep.model_json_schema(), indent=1, ensure_ascii=False) + "\n"


def keys_page() -> str:
    """Return `config/README.md`: every key with its type, default and meaning."""
    parts = [HEAD, "## Top of a sweep file\n", _table(Sweep)]
    for path in SECTIONS:
        model: type[BaseModel] = Sweep
        for name in path.split("."):
            section = _section(model.model_fields[name])
            assert section, path
            model = section
        parts += [f"## {path}\n", _table(model)]
    parts += [
        "## Observables\n",
        _observables(),
        "## config.yaml\n",
        _table(Configuration),
        "## budget (config.yaml)\n",
        _table(Budget),
        "## cifar10 (config.yaml)\n",
        _table(Cifar10),
    ]
    return "\n".join(parts)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    options = get_args(field.annotation) or (field.annotation,)  # both of `Refine | None`
    return next((option for option in options if isinstance(option, type) and issubclass(option, Section)), None)


def _table(model: type[BaseModel]) -> str:
    lines = ["| key | type | axis | default | meaning |", "| --- | --- | --- | --- | --- |"]
    for name, field in model.model_fields.items():
        key = next((meta for meta in field.metadata if isinstance(meta, Key)), None)
        axis = "yes" if key and key.axis else "–"
        lines.append(f"| `{name}` | {_type(field, key)} | {axis} | {_default(field)} | {field.description} |")
    return "\n".join(lines) + "\n"


def _type(field: FieldInfo, key: Key | None) -> str:
    if key:
        return key.rule.text
    if _section(field):
        return "section"
    text = str(field.annotation)
    for sign, words in (
        ("dict", "axes by name"),
        ("bool", "true / false"),
        ("tuple", "list"),
        ("Literal", "name"),
        ("str", "text"),
    ):
        if sign in text:
            return words
    return "text"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.default
    if value in (None, "", (), {}) or isinstance(value, BaseModel):
        return "–"
    if value == observables.DEFAULT:
        return "those marked below"
    return f"`{json.dumps(value)}`" if isinstance(value, bool) else f"`{value}`"


def _observables() -> str:
    lines = ["| name | symbol | kept by default | meaning |", "| --- | --- | --- | --- |"]
    for name, observable in observables.OBSERVABLES.items():
        with_test = "with `test_samples`" if name in observables.DEFAULT_WITH_TEST else "–"
        default = "yes" if observable.default else with_test
        # A bar in a cell would end it.
        symbol, meaning = (text.replace("|", "\\|") for text in (observable.symbol, observable.long_name))
        lines.append(f"| `{name}` | {symbol} | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def write(root: Path) -> None:
    """Write both documents into the project at `root`."""
    (root / "config" / "README.md").write_text(keys_page(), encoding="utf-8")
    (root / "config" / "sweep.schema.json").write_text(json_schema(), encoding="utf-8")
