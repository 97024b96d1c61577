"""The cache of compiled code: kept, checked, the user's own, and never a reason for a run to stop."""

import ast
import errno
import hashlib
import os
import pickle
import stat
from collections import namedtuple
from pathlib import Path

import pytest

from lazyrich.system import own_cache
from lazyrich.system.compiled import cached_njit
from lazyrich.system.provenance import PACKAGE

ROOT = "lazyrich.system.disk"  # any that there is


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The user's cache folder, still to be made; the package has none."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(own_cache, "PACKAGE", tmp_path / "no/package/of/mine")
    (tmp_path / "no").touch()
    return tmp_path / "cache/lazyrich"


def run():
    """The function as a new process has it, called: how often it came from the cache. Its result must be right."""

    def twice(x):
        return 2.0 * x

    function = cached_njit(twice, ROOT, nogil=True)
    assert function(21.0) == 42.0
    return sum(function.stats.cache_hits.values())


def files(cache):
    return [path for path in cache.rglob("*") if path.is_file()]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def with_checksum(content):
    return hashlib.sha256(content).digest() + content


class Planted:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_code_is_kept_where_only_its_user_can_write(cache):
    umask = os.umask(0)
    try:
        assert [run(), run()] == [0, 1]
    finally:
        os.umask(umask)
    (file,) = files(cache)
    assert [mode(path) for path in (cache.parent, cache, file.parent, file)] == [0o700, 0o700, 0o700, 0o600]


def test_functions_that_differ_in_names_or_constants_alone_are_told_apart(cache):
    """All of one name, as formulas in a table are; each comes back from the cache as itself."""
    pair = namedtuple("pair", "a b")

    def called():
        functions = [lambda s: s.a, lambda s: s.b, lambda s: s.a + 1.0, lambda s: s.a + 2.0]
        kept = [cached_njit(function, ROOT) for function in functions]
        return [function(pair(3.0, 5.0)) for function in kept], [sum(f.stats.cache_hits.values()) for f in kept]

    assert called() == ([3.0, 5.0, 4.0, 5.0], [0, 0, 0, 0])
    assert called() == ([3.0, 5.0, 4.0, 5.0], [1, 1, 1, 1])


DAMAGE = {
    "empty": lambda content: b"",
    "cut": lambda content: content[:-7],
    "cut within the checksum": lambda content: content[:9],
    "text": lambda content: b"no code",
    "one bit": lambda content: content[:2000] + bytes([content[2000] ^ 4]) + content[2001:],
    "a pickle that does not load": lambda content: with_checksum(b"cno_such_module\nname\n."),
    "of another function": lambda content: with_checksum(pickle.dumps(("another", ()))),
    "no pair": lambda content: with_checksum(pickle.dumps(1)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_made_anew(cache, damage):
    run()
    (file,) = files(cache)
    whole = file.read_bytes()
    file.write_bytes(DAMAGE[damage](whole))
    assert [run(), run()] == [0, 1]
    assert len(files(cache)) == 1


def test_a_folder_in_place_of_a_file_is_left_out(cache):
    run()
    (file,) = files(cache)
    file.unlink()
    (file / "inside").mkdir(parents=True)
    assert [run(), run()] == [0, 0]
    assert files(cache) == []


def test_a_full_disk_stops_nothing(cache, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert run() == 0
    assert files(cache) == []
    assert [run(), run()] == [0, 1]


@pytest.mark.parametrize("depth", [0, 1])
def test_a_folder_that_others_can_write_to_is_not_used(cache, tmp_path, depth):
    run()
    (file,) = files(cache)
    file.write_bytes(with_checksum(pickle.dumps(Planted(tmp_path / "it ran"))))
    [cache, file.parent][depth].chmod(0o777)
    before = file.read_bytes()
    with pytest.warns(UserWarning, match="other users may write to it\n(.|\n)*set XDG_CACHE_HOME"):
        assert run() == 0
    assert not (tmp_path / "it ran").exists()
    assert file.read_bytes() == before


def test_a_folder_of_another_user_is_not_used(cache, monkeypatch):
    run()
    monkeypatch.setattr(os, "geteuid", lambda: cache.stat().st_uid + 1)
    with pytest.warns(UserWarning, match=f"{cache}: belongs to another user"):
        assert run() == 0


def test_a_file_of_another_user_is_not_read(cache, monkeypatch):
    run()
    real = os.geteuid()
    # The folders pass, as if the file had been put there between the two looks.
    monkeypatch.setattr(own_cache, "check_own", lambda path: None)
    monkeypatch.setattr(os, "geteuid", lambda: real + 1)
    assert run() == 0


def test_a_link_is_followed_to_a_folder_of_the_user_only(cache, tmp_path):
    target = tmp_path / "elsewhere"
    target.mkdir(mode=0o700)
    cache.parent.mkdir()
    cache.symlink_to(target)
    assert [run(), run()] == [0, 1]
    target.chmod(0o777)
    with pytest.warns(UserWarning, match="other users may write to it"):
        assert run() == 0


def test_a_link_of_another_user_is_not_followed(cache, tmp_path, monkeypatch):
    if os.geteuid():
        pytest.skip("only root can give a link away")
    target = tmp_path / "elsewhere"
    target.mkdir(mode=0o700)
    cache.parent.mkdir()
    cache.symlink_to(target)
    os.lchown(cache, 65534, 65534)
    with pytest.warns(UserWarning, match="belongs to another user"):
        assert run() == 0


def test_without_any_place_everything_is_compiled(cache):
    cache.parent.touch()
    with pytest.warns(UserWarning, match="every process compiles it again") as warned:
        assert [run(), run()] == [0, 0]
    assert len(warned) == 1


def test_the_package_keeps_code_where_it_is_the_user_s_own_and_no_home_is(cache, tmp_path, monkeypatch):
    cache.parent.touch()
    package = tmp_path / "mine"
    package.mkdir()
    monkeypatch.setattr(own_cache, "PACKAGE", package)
    assert [run(), run()] == [0, 1]
    assert len(files(package / "__pycache__")) == 1


def test_nothing_of_the_library_uses_the_cache_of_numba_itself():
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            if {"njit", "jit", "vectorize", "guvectorize", "cfunc", "stencil"} & set(names):
                found.add(path.relative_to(PACKAGE).as_posix())
    assert found == {"system/compiled.py"}
