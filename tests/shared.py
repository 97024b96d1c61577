"""What many tests need and one of a test run makes, whichever worker of pytest-xdist comes first."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from lazyrich.networks.observables import OBSERVABLES

# Every observable of networks with any targets.
ALWAYS = tuple(name for name, observable in OBSERVABLES.items() if not observable.signs)


def base(factory: pytest.TempPathFactory) -> Path:
    """The temporary folder of the whole test run, the same for all its workers."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that `make` fills once a test run; nobody changes it afterwards."""
    folder = base(factory) / name
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            part = folder.with_name(f"{name}.part")
            shutil.rmtree(part, ignore_errors=True)  # of a worker that failed
            part.mkdir()
            make(part)
            part.rename(folder)
    return folder
