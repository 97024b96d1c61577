"""Whether the archive of CIFAR-10 can be had, asked before Snakemake asks, which meets a silent host with pages of Python."""

from __future__ import annotations

from lazyrich.sweep.config import Cifar10

PATIENCE = 30.0  # seconds


def check_reachable(settings: Cifar10) -> None:
    """Raise ValueError, with key and mend, unless the host offers the archive."""
    import requests

    try:
        answer = requests.head(settings.url, allow_redirects=True, timeout=PATIENCE)
    except requests.RequestException as error:
        found = f"cannot be reached ({type(error).__name__})"
    else:
        if answer.ok:
            return
        found = f"is not to be had ({answer.status_code} {answer.reason})"
    raise ValueError(
        f"config/config.yaml: cifar10.url = {settings.url}: {found}; check url and network, or put the files of the binary "
        f"distribution into {settings.folder} yourself"
    )
