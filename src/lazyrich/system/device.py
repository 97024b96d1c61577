"""The device that trains. Snakemake asks in every job: torch is imported only where a driver shows a GPU."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from lazyrich.system.errors import LazyrichError

DEVICES = ("auto", "cpu", "cuda")


def find_device(device: str) -> str:
    """Return `cpu` or `cuda`; for `auto`, `cuda` if torch is installed and can use a GPU.

    Torch is imported only where a driver shows a GPU.

    Raises
    ------
    ValueError
        for an unknown device, or for `cuda` where torch finds no GPU.
    """
    if device not in DEVICES:
        raise LazyrichError(f"device = {device}: is not known; write one of {', '.join(DEVICES)}")
    if likely_device(device) == "cpu" or (device == "auto" and importlib.util.find_spec("torch") is None):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device == "auto":
        return "cpu"
    raise LazyrichError(
        "device = cuda: torch finds no GPU here; write auto or cpu, or install a build of torch for CUDA"
    )


def likely_device(device: str) -> str:
    """Return `cpu` or `cuda`; for `auto`, `cuda` if the system shows an NVIDIA GPU. Torch is not asked."""
    if device != "auto":
        return device
    has_gpu = any(Path("/proc/driver/nvidia/gpus").glob("*")) or any(Path("/dev").glob("nvidia[0-9]*"))
    return "cuda" if has_gpu else "cpu"
