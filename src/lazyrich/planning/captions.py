"""Captions of figures for Snakemake's report, whose templates see the configuration and no file."""

from __future__ import annotations

import json
import re
from pathlib import Path


def captions(results: Path) -> dict[str, dict[str, str]]:
    """Return the captions that figures were drawn with, sweep -> figure -> reStructuredText."""
    found = {
        path.parts[-3]: json.loads(path.read_text(encoding="utf-8")) for path in results.glob("*/figures/captions.json")
    }
    return {
        name: {figure: re.sub(r"([\\*_`|])", r"\\\1", text) for figure, text in texts.items()}
        for name, texts in found.items()
    }
