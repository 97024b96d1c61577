"""Fetching CIFAR-10: whether its archive can be had, and unpacking it, checked."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath

from lazyrich.networks.data import cifar10
from lazyrich.networks.data.digest import of_file
from lazyrich.networks.data.interface import DataError
from lazyrich.system.errors import LazyrichError

SETTINGS = "`cifar10` in config/config.yaml"


def unpack(archive: str | Path, folder: str | Path, *, size: int, sha256: str) -> None:
    """Put the files of the distribution from a .tar.gz of that size (bytes) and SHA-256 into `folder`, their sums beside them.

    The folder has the files it had before until all new ones are there, whole and checked.

    Raises
    ------
    DataError
        for another archive, one that is damaged, or files that are not those of the distribution.
    """
    archive, folder = Path(archive), Path(folder)
    bytes_found = archive.stat().st_size
    if bytes_found != size:
        raise DataError(
            f"{archive.name}: has {bytes_found} bytes where {size} are expected; fetch it again, or fix {SETTINGS}"
        )
    digest = of_file(archive)
    if digest != sha256:
        raise DataError(f"{archive.name}: has SHA-256 {digest} where {sha256} is expected; fix {SETTINGS}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as name:
        fresh = Path(name)
        try:
            _extract(archive, fresh)
            cifar10.check_files(fresh)
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise DataError(f"{archive.name}: is no sound .tar.gz ({error}); fix {SETTINGS}") from None
        except DataError as error:
            found = str(error).partition(";")[0].replace(str(fresh), archive.name)
            raise DataError(f"{found}; fix {SETTINGS}") from None
        sums = [f"{of_file(fresh / batch)}  {batch}\n" for batch in cifar10.BATCHES]
        (fresh / cifar10.SUMS).write_text("".join(sums), encoding="ascii")
        folder.mkdir(exist_ok=True)
        for batch in (cifar10.META, *cifar10.BATCHES, cifar10.SUMS):
            os.replace(fresh / batch, folder / batch)


def _extract(archive: Path, folder: Path) -> None:
    """Write the bytes of the archive's known files, under names of ours.

    No path, mode or link of the archive is used, so that nothing of it lands elsewhere, and none is longer than it should be.
    """
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            name = PurePosixPath(member.name).name
            known = member.isreg() and name in (cifar10.META, *cifar10.BATCHES) and member.size <= cifar10.SIZE
            if known and (content := tar.extractfile(member)) is not None:
                with (folder / name).open("wb") as file:
                    shutil.copyfileobj(content, file)


PATIENCE = 30.0  # seconds


def check_reachable(url: str, folder: str) -> None:
    """Raise ValueError, with key and fix, unless the host offers the archive."""
    import requests

    try:
        answer = requests.head(url, allow_redirects=True, timeout=PATIENCE)
    except requests.RequestException as error:
        found = f"cannot be reached ({type(error).__name__})"
    else:
        if answer.ok:
            return
        found = f"is not to be had ({answer.status_code} {answer.reason})"
    raise LazyrichError(
        f"config/config.yaml: cifar10.url = {url}: {found}; check url and network, or put the files of the binary "
        f"distribution into {folder} yourself"
    )
