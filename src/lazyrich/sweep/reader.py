"""Reading a sweep file: YAML in, `Sweep` out, or one clear error that names file, key and fix."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lazyrich.networks import activations
from lazyrich.networks.data import DATA, SOURCES
from lazyrich.sweep.points import read_points
from lazyrich.sweep.schema import SweepError
from lazyrich.sweep.sweep import Sweep

# YAML is read at 0.1 MB a second. A longer file is a table, which belongs in a data file.
MOST_BYTES = 10**6


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML in which a key given twice is an error; PyYAML would silently keep the last."""


def _mapping_without_duplicates(loader: _UniqueKeyLoader, node: yaml.MappingNode) -> dict[str, Any]:
    keys = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            line = key_node.start_mark.line + 1
            raise SweepError(f"{key}: is no name for a key (line {line}); write a word")
        if key in keys:
            raise SweepError(f"{key}: stands twice (line {key_node.start_mark.line + 1}); remove one")
        keys.add(key)
    return {str(key): value for key, value in loader.construct_mapping(node, deep=True).items()}


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_duplicates)


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping; raise SweepError with file, place and fix."""
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise SweepError(
                f"has {size:,} bytes, of which at most {MOST_BYTES:,} are read; write axes as linear or log"
            )
        data = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)
    except OSError as error:
        raise SweepError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except SweepError as error:
        raise SweepError(f"{path}: {error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = " ".join(str(error).split())
        raise SweepError(f"{path}: is not valid YAML ({place}); fix the syntax") from None
    if not isinstance(data, dict):
        raise SweepError(f"{path}: holds no mapping; write keys such as problem: and training:")
    return data


def check_text(data: Any, name: str) -> None:
    """Raise SweepError if a text in `data`, keys included, has a lone surrogate: no file and no terminal can hold it."""
    pending, visited = [("", data)], set()
    while pending:
        key, value = pending.pop()
        if isinstance(value, str):
            if surrogate := re.search("[\ud800-\udfff]", value):
                # In ASCII, because the text itself cannot be written.
                place = f"{key} = {value}" if key else value
                raise SweepError(
                    f"{name}: {ascii(place)[1:-1]}: {ascii(surrogate[0])[1:-1]} is no character by itself, no file can hold "
                    "it; remove it"
                )
        elif isinstance(value, (dict, list, tuple)) and id(value) not in visited:  # visit an alias of YAML once
            visited.add(id(value))
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for part, inner in items:
                pending += [("", part), (f"{key}.{part}" if key else str(part), inner)]


def validated(model: type[BaseModel], data: Any, name: str) -> Any:
    """Return `data` as a `model`; raise SweepError with one line for each fault: `name: key = value: what is wrong; fix`."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise SweepError("\n".join(_explain(model, name, fault) for fault in error.errors())) from None


def _explain(model: type[BaseModel], name: str, fault: ErrorDetails) -> str:
    key = ".".join(str(part) for part in fault["loc"])
    value = fault.get("input")
    message = fault["msg"].removeprefix("Value error, ")
    if not key:  # a check across keys; it names its key itself
        return f"{name}: {message}"
    value_text = "" if isinstance(value, (dict, list, tuple, BaseModel)) else f" = {value}"
    if fault["type"] == "extra_forbidden":
        names = list(_model_at(model, fault["loc"][:-1]).model_fields)
        close = difflib.get_close_matches(key.rpartition(".")[2], names, 1)
        hint = f"did you mean {close[0]}?" if close else "known here: " + ", ".join(names)
        return f"{name}: {key}: unknown key; {hint}"
    if value is None and fault["type"] == "model_type":
        return f"{name}: {key}: is empty; write its keys, or remove it"
    if fault["type"] == "missing":
        return f"{name}: {key}: is missing; add it"
    if fault["type"] == "literal_error":
        options = get_args(_annotation(model, fault["loc"]))
        return f"{name}: {key}{value_text}: is not known; write one of {', '.join(map(str, options))}"
    if ";" not in message:  # pydantic's own message ("Input should be …") already says how to fix it
        return f"{name}: {key}{value_text}: is not valid; {message[0].lower()}{message[1:]}"
    return f"{name}: {key}{value_text}: {message}"


def _annotation(model: type[BaseModel], loc: tuple[str | int, ...]) -> Any:
    return _model_at(model, loc[:-1]).model_fields[str(loc[-1])].annotation


def _model_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> type[BaseModel]:
    for part in loc:
        field = model.model_fields.get(str(part))
        inner = field.annotation if field else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return model


def _own_activations(value: Any, folder: Path) -> Any:
    """Return a user's activation `file.py:function`, or an axis of them, with the file relative to the working folder."""
    if isinstance(value, dict) and isinstance(value.get("values"), list):
        return {**value, "values": [_own_activations(item, folder) for item in value["values"]]}
    match = re.match(activations.OWN, value) if isinstance(value, str) else None
    return f"{Path(os.path.relpath(folder / match[1])).as_posix()}:{match[2]}" if match else value


def _check_there(key: str, path: Path, name: Any) -> None:
    """Raise SweepError if a file is missing, or the folder of the source called `name`."""
    source = SOURCES[name] if name in DATA else None
    kind, fix = (source.takes_path, source.path_fix) if source and source.takes_path else ("file", "check the path")
    if not (path.is_dir() if kind == "folder" else path.is_file()):
        raise SweepError(f"{key}: no such {kind} ({path}); {fix}")


def load_sweep(source: str | Path | dict[str, Any]) -> Sweep:
    """Read and check a sweep file, or a dictionary of the same form, and the files that it names.

    Relative paths in it are relative to the file (for a dictionary: to the working folder).

    Raises
    ------
    SweepError
        with file, key, value and fix.
    """
    if isinstance(source, dict):
        name, folder, data = "sweep", Path(), dict(source)
    else:
        path = Path(source)
        name, folder, data = str(path), path.parent, load_yaml(path)
        data.setdefault("title", path.stem)
    check_text(data, name)
    for section, key in (("problem", "path"), ("figures", "published")):
        inner = data.get(section)
        if isinstance(inner, dict) and isinstance(inner.get(key), str):
            file = folder / inner[key]
            _check_there(f"{name}: {section}.{key} = {inner[key]}", file, inner.get("source"))
            # One spelling, whether the sweep file was named by a relative or an absolute path.
            data[section] = {**inner, key: Path(os.path.relpath(file)).as_posix()}
    if isinstance(network := data.get("network"), dict) and "activation" in network:
        data["network"] = {**network, "activation": _own_activations(network["activation"], folder)}
    sweep: Sweep = validated(Sweep, data, name)
    for activation in sweep.own_activations:
        try:
            activations.check_file(activation)
        except ValueError as error:
            raise SweepError(f"{name}: network.activation = {activation}: {error}") from None
    if sweep.figures.published is not None:
        try:
            read_points(sweep.figures.published)
        except ValueError as error:
            raise SweepError(f"{name}: figures.published: {error}") from None
    if sweep.problem.source in DATA:
        # Reading the data needs numpy; nothing else here does.
        from lazyrich.sweep.data_checks import check

        try:
            check(sweep)
        except ValueError as error:
            raise SweepError(f"{name}: {error}") from None
    return sweep
