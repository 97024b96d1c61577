"""Many numbers inside a page: 16 bits each on a scale of their own, compressed together; `pages/atlas.js` unpacks them."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

# Codes beyond the scale: NaN, infinity, and zero on a logarithmic scale.
MISSING, INFINITE, ZERO = 65535, 65534, 65533
TOP = 65532
WIDE = 100.0  # positive numbers that span more are on a logarithmic scale


@dataclass
class Pack:
    """A growing list of 16-bit numbers; `add` returns the place of what it adds."""

    parts: list[np.ndarray] = field(default_factory=list)
    length: int = 0

    def add(self, codes: np.ndarray) -> dict[str, int]:
        """Add codes from 0 to 65535, of any shape; return where they lie."""
        flat = np.ascontiguousarray(codes, dtype=np.uint16).ravel()
        place = {"offset": self.length, "length": len(flat)}
        self.parts.append(flat)
        self.length += len(flat)
        return place

    def add_numbers(self, values: Float[np.ndarray, ...]) -> dict[str, Any]:
        """Add numbers to 1/65532 of their range (or its logarithm), NaN, ∞, 0 apart; return where they lie and their scale."""
        finite = values[np.isfinite(values)]
        positive = finite[finite > 0]
        log = bool(finite.size and finite.min() >= 0 and positive.size and positive.max() > WIDE * positive.min())
        used = positive if log else finite
        low, high = (float(used.min()), float(used.max())) if used.size else (0.0, 1.0)
        return self.add(quantised(values, low, high, log)) | {"low": low, "high": high, "log": log}

    def text(self) -> str:
        """Return everything, high bytes before low ones (neighbours are alike, which compresses), as gzip in base64."""
        codes = np.concatenate(self.parts) if self.parts else np.empty(0, dtype=np.uint16)
        planes = np.concatenate([(codes >> 8).astype(np.uint8), (codes & 255).astype(np.uint8)])
        return base64.b64encode(gzip.compress(planes.tobytes(), 6, mtime=0)).decode()


def quantised(values: np.ndarray, low: np.ndarray | float, high: np.ndarray | float, log: bool) -> np.ndarray:
    """Return codes of values on scales from `low` to `high` (which broadcast); a value beyond its scale becomes `MISSING`."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scaled, bottom, top = (np.log(each) if log else np.asarray(each, dtype=float) for each in (values, low, high))
        share = (scaled - bottom) / np.where(top > bottom, top - bottom, 1.0)
        # Rounding may push an end of the scale just beyond itself.
        inside = (share >= -1e-9) & (share <= 1 + 1e-9)
        codes = np.where(inside, np.round(np.clip(share, 0.0, 1.0) * TOP), MISSING)
    codes = np.where(np.isinf(values), INFINITE, codes)
    return (np.where(values == 0, ZERO, codes) if log else codes).astype(np.uint16)
