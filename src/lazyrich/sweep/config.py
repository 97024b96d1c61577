"""`config/config.yaml`: which sweeps, and where results go."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from lazyrich.sweep.axes import Integer, Real, scalar
from lazyrich.sweep.reader import check_text, validated
from lazyrich.sweep.schema import Section

# `claims` is the ledger's folder.
RESERVED = "claims"
CONFIG = "config/config.yaml"


def _free(name: str) -> str:
    if name == RESERVED:
        raise ValueError("is the folder of the claims ledger; give the sweep's file another name")
    return name


SweepName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$"), AfterValidator(_free)]


class Budget(Section):
    """`budget`: the most that a run may take; a larger one is refused before any work."""

    core_hours: Annotated[Any, scalar(Real(0))] = Field(
        100.0, description="hours of one core (or one GPU) for all networks still to train"
    )
    disk_gb: Annotated[Any, scalar(Real(0))] = Field(100.0, description="GB on disk for their trajectories")


class Cifar10(Section):
    """`cifar10`: the archive that `snakemake fetch_cifar10` downloads, and its folder; nothing else uses the network."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://")] = Field(
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", description="the archive of the binary distribution"
    )
    size: Annotated[Any, scalar(Integer(1))] = Field(170052171, description="its bytes")
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", description="its SHA-256"
    )
    folder: str = Field(
        "data/cifar-10-batches-bin",
        description="where its files go, relative to the project's root: the `path` of sweeps",
    )


class Configuration(Section):
    """The workflow's configuration."""

    sweeps: tuple[SweepName, ...] = Field(description="names of files in config/sweeps, without .yaml", min_length=1)
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="what trains: auto takes a GPU where the machine has one; a job on a GPU asks for `gpu: 1`"
    )
    results: str = Field("results", description="folder for all output, relative to the project's root")
    budget: Budget = Field(Budget(), description="what a run may take")
    cifar10: Cifar10 = Field(Cifar10(), description="where CIFAR-10 is fetched from, when asked for")


def load_configuration(config: dict[str, Any]) -> Configuration:
    """Return the checked configuration; raise SweepError with file, key and fix."""
    check_text(config, CONFIG)
    configuration: Configuration = validated(Configuration, config, CONFIG)
    return configuration
