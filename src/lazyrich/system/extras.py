"""Optional packages: the extra of lazyrich that brings each one, and one message if it is missing."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator

# Package as it is imported -> the smallest extra in pyproject.toml that brings it.
EXTRAS = {
    "bokeh": "draw",
    "holoviews": "draw",
    "jinja2": "draw",
    "markupsafe": "draw",
    "matplotlib": "draw",
    "panel": "explore",
    "param": "explore",
    "tornado": "explore",
    "distributed": "workflow",
    "requests": "workflow",
    "snakemake": "workflow",
    "dask_jobqueue": "slurm",
    "torch": "torch",
    "triton": "gpu",
}


class MissingExtra(ImportError):
    """A package that is not installed; the message names the extra that brings it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; run: pip install 'lazyrich[{extra}]'", name=package)


@contextlib.contextmanager
def named(extra: str | None = None) -> Iterator[None]:
    """Name the extra if an import inside this context fails; `extra` overrides it where a larger one is needed anyway.

    Raises
    ------
    MissingExtra
        instead of ModuleNotFoundError, for a package in `EXTRAS`.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise MissingExtra(package, extra or EXTRAS[package]) from None


def check(package: str) -> None:
    """Raise MissingExtra unless a package in `EXTRAS` is installed; import nothing."""
    if importlib.util.find_spec(package) is None:
        raise MissingExtra(package, EXTRAS[package])
