"""`config/config.yaml`: which sweeps, and where results go."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from lazyrich.axes import Real, scalar
from lazyrich.sweep import Section
from lazyrich.sweep_file import validated

# `claims` is the ledger's folder.
RESERVED = "claims"


def _free(name: str) -> str:
    if name == RESERVED:
        raise ValueError("is the folder of the claims ledger; give the sweep's file another name")
    return name


SweepName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$"), AfterValidator(_free)]


class Budget(Section):
    """`budget`: what a run may take without being told; a larger one is refused before any work."""

    core_hours: Annotated[Any, scalar(Real(0))] = Field(
        100.0, description="hours of one core (or one GPU) for all networks still to train"
    )
    disk_gb: Annotated[Any, scalar(Real(0))] = Field(100.0, description="GB on disk for their trajectories")


class Settings(Section):
    """The workflow's configuration."""

    sweeps: tuple[SweepName, ...] = Field(description="names of files in config/sweeps, without .yaml", min_length=1)
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="what trains: auto takes a GPU where the machine has one; a job on a GPU asks for `gpu: 1`"
    )
    results: str = Field("results", description="folder for all output, relative to the project's root")
    budget: Budget = Field(Budget(), description="what a run may take")


def load_settings(config: dict) -> Settings:
    """The checked configuration; raises SweepError with file, key and mend."""
    return validated(Settings, config, "config/config.yaml")
