"""Compare two folders of results variable by variable: which are the same bits, and how far others differ.

    python benchmarks/compare.py BEFORE AFTER

Shards of the same recipe have the same name, so that a change of the code that shall change no number is shown to change none.
The exit status is 1 where a variable, a file or a dimension is missing, or bits of a propagator's shard differ.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import xarray as xr

PATTERNS = ("*/shards/*.nc", "*/summary.nc", "claims/*.nc")


def difference(before: np.ndarray, after: np.ndarray) -> float:
    """Return the largest difference over the largest finite size of the first; 0 for the same bits, ∞ for other shapes."""
    if before.shape != after.shape or before.dtype.kind != after.dtype.kind:
        return np.inf
    if before.dtype.kind not in "fiu":
        return 0.0 if np.array_equal(before, after) else np.inf
    if before.dtype == after.dtype and before.tobytes() == after.tobytes():
        return 0.0
    one, two = before.astype(float), after.astype(float)
    same = (one == two) | (np.isnan(one) & np.isnan(two))
    if same.all():
        return 0.0
    if not (np.isfinite(one[~same]).all() and np.isfinite(two[~same]).all()):
        return np.inf
    return float(np.max(np.abs(one - two)[~same]) / max(np.max(np.abs(one[np.isfinite(one)])), 1e-300))


def compare(before: Path, after: Path) -> int:
    """Print a line for each kind of file and engine, and one for each variable that differs; return the exit status."""
    names = {path.relative_to(before) for pattern in PATTERNS for path in before.glob(pattern)}
    others = {path.relative_to(after) for pattern in PATTERNS for path in after.glob(pattern)}
    wrong = 0
    for name in sorted(names ^ others):
        print(f"only in {before if name in names else after}: {name}")
        wrong = 1
    equal: Counter[str] = Counter()
    differing: dict[str, list[float]] = {}
    worst: dict[tuple[str, str], float] = {}
    for name in sorted(names & others):
        with (
            xr.open_dataset(before / name, decode_cf=False) as one,
            xr.open_dataset(after / name, decode_cf=False) as two,
        ):
            kind = f"shard, {one.attrs['engine']}" if "shards" in name.parts else name.name
            for variable in sorted(set(one.variables) | set(two.variables)):
                if (variable in one.variables) != (variable in two.variables):
                    print(f"{name}: {variable} is in one of them only")
                    wrong = 1
                    continue
                size = difference(one[variable].values, two[variable].values)
                if size == 0:
                    equal[kind] += 1
                else:
                    differing.setdefault(kind, []).append(size)
                    worst[kind, variable] = max(size, worst.get((kind, variable), 0.0))
                    wrong |= "propagator" in kind
    for kind in sorted(set(equal) | set(differing)):
        sizes = differing.get(kind, [])
        more = f", {len(sizes)} differ, at most by {max(sizes):.1e} of the largest value" if sizes else ""
        print(f"{kind}: {equal[kind]} variables of the same bits{more}")
    for (kind, variable), size in sorted(worst.items(), key=lambda item: -item[1]):
        print(f"  {kind}: {variable} by {size:.1e}")
    return wrong


if __name__ == "__main__":
    sys.exit(compare(Path(sys.argv[1]), Path(sys.argv[2])))
