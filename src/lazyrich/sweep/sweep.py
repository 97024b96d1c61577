"""The sweep file as a frozen, validated value.

Neither numpy nor xarray nor torch is imported, because Snakemake reads this again in every job.
"""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from lazyrich.networks import observables
from lazyrich.sweep.checks import check_combinations
from lazyrich.sweep.grid import Grid


class Sweep(Grid):
    """A sweep file: a problem, a network and a training, any key of which may be an axis."""

    @model_validator(mode="before")
    @classmethod
    def _test_loss_by_default(cls, data: Any) -> Any:
        """Add `test_loss` to the observables that are kept by default where samples are held out."""
        if not isinstance(data, dict):
            return data
        problem, record = data.get("problem"), data.get("record", {})
        if isinstance(problem, dict) and problem.get("test_samples") is not None and isinstance(record, dict):
            data = {**data, "record": {"observables": observables.DEFAULT_WITH_TEST, **record}}
        return data

    @model_validator(mode="after")
    def _combinations_make_sense(self) -> Sweep:
        check_combinations(self)
        return self
