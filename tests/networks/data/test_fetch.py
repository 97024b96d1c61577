"""The archive of CIFAR-10: the files that it should have, or one clear message and nothing touched."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from lazyrich.networks.data import cifar10
from lazyrich.networks.data.digest import of_file
from lazyrich.networks.data.fetch import unpack
from lazyrich.networks.data.interface import DataError

from . import fake


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return fake.make(tmp_path_factory.mktemp("source") / "cifar-10-batches-bin", sums=False)


def unpacked(archive, folder, **changes):
    """Unpack with the size and checksum that the archive has, but for `changes`."""
    unpack(archive, folder, **{"size": archive.stat().st_size, "sha256": of_file(archive), **changes})


def refused(archive, folder, **changes):
    with pytest.raises(DataError) as caught:
        unpacked(archive, folder, **changes)
    message = str(caught.value)
    assert message.startswith(archive.name)
    assert "; " in message
    assert not folder.exists()
    assert {path.name for path in folder.parent.iterdir()} == {archive.name}  # nothing beside it either
    return message


def test_files_and_their_sums_are_there(source, tmp_path):
    unpacked(fake.pack(source, tmp_path / "a.tar.gz"), tmp_path / "data" / "cifar-10-batches-bin")
    found = tmp_path / "data" / "cifar-10-batches-bin"
    cifar10.check(found)
    for name in cifar10.BATCHES:
        assert of_file(found / name) == of_file(source / name)
    assert sorted(path.name for path in found.iterdir()) == sorted([*cifar10.BATCHES, "batches.meta.txt", "SHA256SUMS"])
    assert [path.name for path in found.parent.iterdir()] == [found.name]


def test_files_in_the_folder_are_replaced(source, tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    (folder / "data_batch_1.bin").write_text("another one")
    (folder / "mine.txt").write_text("stays")
    unpacked(fake.pack(source, tmp_path / "a.tar.gz"), folder)
    cifar10.check(folder)
    assert (folder / "mine.txt").exists()


def test_another_archive_is_refused_by_size_and_checksum(source, tmp_path):
    archive = fake.pack(source, tmp_path / "a.tar.gz")
    size = archive.stat().st_size
    assert f"has {size} bytes where {size + 1} are expected" in refused(archive, tmp_path / "f", size=size + 1)
    assert f"where {'0' * 64} is expected" in refused(archive, tmp_path / "f", sha256="0" * 64)


@pytest.mark.parametrize("content", [b"", b"no archive", "half", "flipped"])
def test_a_damaged_archive_is_refused(source, tmp_path, content):
    """Even where the checksum is that of the damaged one."""
    archive = fake.pack(source, tmp_path / "a.tar.gz")
    whole = bytearray(archive.read_bytes())
    if content == "half":
        content = whole[: len(whole) // 2]
    elif content == "flipped":
        whole[len(whole) // 2] ^= 255
        content = whole
    archive.write_bytes(content)
    refused(archive, tmp_path / "f")


def packed(archive, members):
    """An archive of `members`: (TarInfo, content, or the file that has it)."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for member, content in members:
            with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as file:
                member.size = file.seek(0, io.SEEK_END)
                file.seek(0)
                tar.addfile(member, file)
    return archive


def members_of(source, inside="cifar-10-batches-bin"):
    return {path.name: (tarfile.TarInfo(f"{inside}/{path.name}"), path) for path in sorted(source.iterdir())}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda members: members.pop("data_batch_2.bin"), "has no data_batch_2.bin"),
        (lambda members: members.pop("batches.meta.txt"), "has no batches.meta.txt"),
        (
            lambda members: members.update({"test_batch.bin": (members["test_batch.bin"][0], b"short")}),
            "test_batch.bin: has 5 bytes",
        ),
        # One that would fill a disk counts as none.
        (
            lambda members: members.update({"test_batch.bin": (members["test_batch.bin"][0], bytes(cifar10.SIZE + 1))}),
            "has no test_batch.bin",
        ),
    ],
)
def test_an_archive_of_other_files_is_refused(source, tmp_path, change, words):
    members = members_of(source)
    change(members)
    assert words in refused(packed(tmp_path / "a.tar.gz", members.values()), tmp_path / "f")


@pytest.mark.parametrize("inside", ["../..", "{here}/escaped", "a/../../.."])
def test_nothing_lands_where_a_path_of_the_archive_points(source, tmp_path, inside):
    home = tmp_path / "deep" / "data"
    home.mkdir(parents=True)
    archive = packed(tmp_path / "a.tar.gz", members_of(source, inside.format(here=tmp_path)).values())
    before = set(tmp_path.rglob("*"))
    unpacked(archive, home / "cifar-10-batches-bin")
    new = set(tmp_path.rglob("*")) - before
    assert all(path.is_relative_to(home / "cifar-10-batches-bin") for path in new)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_links_and_devices_are_no_files(source, tmp_path, kind):
    members = members_of(source)
    link = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
    link.type, link.linkname = kind, "/etc/passwd"
    members["data_batch_1.bin"] = (link, b"")
    assert "has no data_batch_1.bin" in refused(packed(tmp_path / "a.tar.gz", members.values()), tmp_path / "f")


def test_labels_out_of_range_are_found_before_anything_is_replaced(source, tmp_path):
    members = members_of(source)
    member, content = members["data_batch_1.bin"]
    wrong = np.fromfile(content, dtype=np.uint8)
    wrong[3073] = 10
    members["data_batch_1.bin"] = (member, wrong.tobytes())
    message = refused(packed(tmp_path / "a.tar.gz", members.values()), tmp_path / "f")
    assert "a.tar.gz/data_batch_1.bin: image 1 has label 10" in message
