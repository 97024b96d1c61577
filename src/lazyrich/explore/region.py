"""A sweep file for a part of a map, in more detail."""

from __future__ import annotations

from pathlib import Path

import yaml

from lazyrich.axes import rounded
from lazyrich.sweep import SECTION_OF
from lazyrich.sweep_file import load_yaml


def finer(file: Path, region: dict[str, tuple[float, float]], points: dict[str, int], log: dict[str, bool]) -> str:
    """The sweep file `file` with axes that run over `region` only (name -> lowest, highest), in so many points."""
    data = load_yaml(file)
    for name, (low, high) in region.items():
        spacing = "log" if log[name] else "linear"
        section = data.setdefault(SECTION_OF[name], {})
        section[name] = {spacing: [rounded(low), rounded(high)], "points": points[name]}
    data["title"] = f"{data.get('title', file.stem)}, a part of it"
    data.pop("refine", None)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
