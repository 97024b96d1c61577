"""`config/config.yaml`: which sweeps, and where results go."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from lazyrich.sweep import Section
from lazyrich.sweep_file import validated

# `claims` is the ledger's folder.
RESERVED = "claims"


def _free(name: str) -> str:
    if name == RESERVED:
        raise ValueError("is the folder of the claims ledger; give the sweep's file another name")
    return name


SweepName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$"), AfterValidator(_free)]


class Settings(Section):
    """The workflow's configuration."""

    sweeps: tuple[SweepName, ...] = Field(description="names of files in config/sweeps, without .yaml", min_length=1)
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="what trains: auto takes a GPU where the machine has one; a job on a GPU asks for `gpu: 1`"
    )
    results: str = Field("results", description="folder for all output, relative to the project's root")


def load_settings(config: dict) -> Settings:
    """The checked configuration; raises SweepError with file, key and mend."""
    return validated(Settings, config, "config/config.yaml")
