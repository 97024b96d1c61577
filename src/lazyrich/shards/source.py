"""Which code trained a shard: this, or other than this."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lazyrich.engines.select import ENGINES, modules
from lazyrich.planning.rules import source


def source_of(engines: Iterable[str]) -> str:
    """Return the fingerprint of the code that decides the numbers that these engines train."""
    return source("simulate_shard", *modules(engines))


def of_other_code(attributes: Mapping[str, Any]) -> bool:
    """Return whether a shard with these global attributes was trained by other code than this; False where they do not say."""
    written = attributes.get("source_fingerprint")
    if written is None:
        return False
    engines = attributes["engine"].split(", ")
    # A later version may have engines that this one does not know.
    return not ENGINES.keys() >= set(engines) or written != source_of(engines)


def file_of_other_code(shard: Path) -> bool:
    """Return whether a shard's file was trained by other code than this; False for one that cannot be read."""
    import netCDF4

    try:
        with netCDF4.Dataset(shard) as file:
            return of_other_code(file.__dict__)
    except (OSError, KeyError):
        return False
