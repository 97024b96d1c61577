"""The device that trains. Snakemake asks in every job: torch is imported only where a driver shows a GPU."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from lazyrich.system.errors import LazyrichError

DEVICES = ("auto", "cpu", "cuda")


def find_device(wanted: str) -> str:
    """Return `cpu` or `cuda`; from `auto` the GPU where there is one that torch, if it is installed, can use.

    Torch is imported only where a driver shows a GPU.

    Raises
    ------
    ValueError
        for a device that is not known, or `cuda` where torch finds no GPU.
    """
    if wanted not in DEVICES:
        raise LazyrichError(f"device = {wanted}: is not known; write one of {', '.join(DEVICES)}")
    if likely_device(wanted) == "cpu" or (wanted == "auto" and importlib.util.find_spec("torch") is None):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "auto":
        return "cpu"
    raise LazyrichError(
        "device = cuda: torch finds no GPU here; write auto or cpu, or install a build of torch for CUDA"
    )


def likely_device(wanted: str) -> str:
    """Return `cpu` or `cuda`; from `auto` by whether the system shows an NVIDIA GPU, without asking torch."""
    if wanted != "auto":
        return wanted
    shown = any(Path("/proc/driver/nvidia/gpus").glob("*")) or any(Path("/dev").glob("nvidia[0-9]*"))
    return "cuda" if shown else "cpu"
