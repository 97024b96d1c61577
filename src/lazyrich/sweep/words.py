"""A sweep in words: the parameters that its networks share, those that it varies, and numbers with nouns."""

from __future__ import annotations

from lazyrich.networks.data import SOURCES
from lazyrich.networks.variables import VARIABLES
from lazyrich.sweep.sweep import Sweep


def counted(number: int, thing: str) -> str:
    """Return a number with its noun: `1 network`, `1,024 networks`."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


# Keys whose values are names that need no key in a sentence.
_WORDS = {
    "source": "{}",
    "classes": "classes {}",
    "inputs": "inputs {}",
    "targets": "targets {}",
    "teacher": "{} teacher",
    "activation": "{}",
}


def _symbol(name: str) -> str:
    return VARIABLES.get(name, ("", ""))[1] or name


def setting(sweep: Sweep) -> str:
    """Return the parameters that all networks of the sweep share, or their formulas, and the number of networks."""
    numbers = [
        f"{_symbol(name)} = {value:g}"
        for name, value in sweep.fixed.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    ]
    numbers += [f"{_symbol(name)} = {formula.text}" for name, formula in sweep.formulas.items()]
    words = [_WORDS[name].format(value) for name, value in sweep.fixed.items() if name in _WORDS]
    networks = counted(sweep.networks, "network")
    if sweep.refine is not None:
        networks = (
            f"a grid of {networks}, trained beside the boundary of {sweep.refine.of}, elsewhere at a spacing of "
            f"{2**sweep.refine.levels} cells and interpolated in between"
        )
    return f"{', '.join(words)}; {', '.join(numbers)}; {networks}, seed {sweep.seed}."


def stand_in(sweep: Sweep) -> str:
    """Return the data that a sweep trains on instead of those of its published curves; empty if the same or unknown."""
    published = sweep.figures.published_source
    sources = sorted(source for (source,) in sweep.combinations("source"))
    if published is None or published in sources:
        return ""
    return f"{' and '.join(map(source_name, sources))} in place of {source_name(published)}"


def source_name(name: str) -> str:
    """Return the title of a distribution or a source of data."""
    return (SOURCES[name].title if name in SOURCES else "") or name


def varied(sweep: Sweep) -> str:
    """Return the parameters that the sweep varies, with their ranges."""
    parts = []
    for names, points in sweep.dims.items():
        for name, values in zip(names, zip(*points, strict=True), strict=True):
            if isinstance(values[0], str):
                parts.append(f"{name}: {', '.join(values)}")
            else:
                parts.append(f"{_symbol(name)} from {min(values):.4g} to {max(values):.4g}")
    return "; ".join(parts)
