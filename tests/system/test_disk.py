"""Files are whole or not there; what the disk refuses is said in one line that names the file and the fix."""

import errno
import os
import re

import pytest

from lazyrich.system.disk import check_writable, in_words, remove_leftovers, replacing
from lazyrich.system.errors import LazyrichError


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "new" / "file"
    for text in ("one", "two"):
        with replacing(path) as temporary:
            temporary.write_text(text)
            assert not path.exists() or path.read_text() == "one"
        assert path.read_text() == text
        assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_names_it(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(OSError) as raised, replacing(path) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    assert (
        in_words(raised.value) == f"{path}: no space left on device; free some space, then run the same command again"
    )


@pytest.mark.parametrize(
    ("number", "fix"),
    [(errno.EROFS, "make it writable"), (errno.EDQUOT, "free some space"), (errno.EACCES, "give yourself access")],
)
def test_errors_of_the_disk_come_with_a_fix(number, fix):
    line = in_words(OSError(number, os.strerror(number), "results/a.nc"))
    assert line == f"results/a.nc: {os.strerror(number).lower()}; {fix}, then run the same command again"


def test_other_errors_say_it_themselves():
    assert in_words(LazyrichError("a.yaml: seed = -1: is too small")) == "a.yaml: seed = -1: is too small"
    assert re.search("No such file", in_words(FileNotFoundError(errno.ENOENT, "No such file", "x")))


def test_bytes_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    """Else a power cut leaves an empty file under the new name."""
    calls = []
    fsync, replace = os.fsync, os.replace

    def synced(number):
        calls.append(("fsync", os.readlink(f"/proc/self/fd/{number}"), os.fstat(number).st_size))
        fsync(number)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", lambda old, new: (calls.append(("replace", str(old))), replace(old, new)))
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("all of it")
    assert calls == [("fsync", str(temporary), 9), ("replace", str(temporary))]


@pytest.mark.parametrize("kind", ["a folder for the file", "a file for its folder", "a link to nothing for its folder"])
def test_another_kind_of_file_is_named_with_the_fix(kind, tmp_path):
    path = tmp_path / "shards" / "0.nc"
    wrong = path if kind == "a folder for the file" else path.parent
    if kind == "a folder for the file":
        path.mkdir(parents=True)
    elif kind == "a file for its folder":
        wrong.write_text("")
    else:
        wrong.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OSError) as raised, replacing(path) as temporary:
        temporary.write_text("new")
    assert re.fullmatch(
        rf"({path}|{wrong}): [a-z ]+; move it away, then run the same command again", in_words(raised.value)
    )
    assert wrong.is_symlink() or wrong.exists()


def test_only_what_was_under_way_is_removed(tmp_path):
    kept = [tmp_path / "plan.json", tmp_path / "a/shards/0.nc", tmp_path / "a/.summary.nc", tmp_path / "a/b.part"]
    left = [tmp_path / ".x.1.part", tmp_path / "a/.summary.nc.12.part", tmp_path / "a/shards/.0.nc.34.part"]
    for path in kept + left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "a/.folder.part").mkdir()  # stops nothing
    remove_leftovers(tmp_path)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


def test_what_a_killed_process_leaves_is_what_is_removed(tmp_path):
    path = tmp_path / "sweep/shards/0.nc"
    child = os.fork()
    if child == 0:
        with replacing(path) as temporary:
            temporary.write_text("half")
            os._exit(0)
    os.waitpid(child, 0)
    (left,) = path.parent.iterdir()
    assert left != path
    remove_leftovers(tmp_path)
    assert list(path.parent.iterdir()) == []


def test_a_writable_folder_stays_as_it_is(tmp_path):
    check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(OSError) as raised:
        check_writable(tmp_path / "nowhere")
    assert raised.value.filename == str(tmp_path / "nowhere")
