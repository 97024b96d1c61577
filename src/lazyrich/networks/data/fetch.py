"""Fetching CIFAR-10: check that its archive can be reached, then unpack and check it."""

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
    """Unpack the distribution from a .tar.gz of that `size` (bytes) and SHA-256 into `folder`, and write the files' checksums.

    The folder keeps its old files until all new ones are complete and checked.

    Raises
    ------
    DataError
        for another or a damaged archive, or files that are not those of the distribution.
    """
    archive, folder = Path(archive), Path(folder)
    byte_count = archive.stat().st_size
    if byte_count != size:
        raise DataError(
            f"{archive.name}: has {byte_count} bytes where {size} are expected; fetch it again, or fix {SETTINGS}"
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
            fault = str(error).partition(";")[0].replace(str(fresh), archive.name)
            raise DataError(f"{fault}; fix {SETTINGS}") from None
        sums = [f"{of_file(fresh / batch)}  {batch}\n" for batch in cifar10.BATCHES]
        (fresh / cifar10.SUMS).write_text("".join(sums), encoding="ascii")
        folder.mkdir(exist_ok=True)
        for batch in (cifar10.META, *cifar10.BATCHES, cifar10.SUMS):
            os.replace(fresh / batch, folder / batch)


def _extract(archive: Path, folder: Path) -> None:
    """Write the archive's files of the distribution, under our own names.

    Paths, modes and links of the archive are not used, so that no file is written elsewhere. Files that are too long are
    skipped.
    """
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            name = PurePosixPath(member.name).name
            is_expected = member.isreg() and name in (cifar10.META, *cifar10.BATCHES) and member.size <= cifar10.SIZE
            if is_expected and (content := tar.extractfile(member)) is not None:
                with (folder / name).open("wb") as file:
                    shutil.copyfileobj(content, file)


PATIENCE = 30.0  # seconds


def check_reachable(url: str, folder: str) -> None:
    """Raise ValueError, with key and fix, unless the host offers the archive."""
    import requests

    try:
        answer = requests.head(url, allow_redirects=True, timeout=PATIENCE)
    except requests.RequestException as error:
        fault = f"cannot be reached ({type(error).__name__})"
    else:
        if answer.ok:
            return
        fault = f"is not to be had ({answer.status_code} {answer.reason})"
    raise LazyrichError(
        f"config/config.yaml: cifar10.url = {url}: {fault}; check url and network, or put the files of the binary "
        f"distribution into {folder} yourself"
    )
