"""A job's error: its traceback in the log, one line on the terminal, also where the log's own disk is full."""

import errno
import gc
import os

import pytest

from lazyrich.system.errors import LazyrichError
from lazyrich.system.job import importing, logged


def test_output_and_time_stand_in_the_log(tmp_path, capsys):
    path = tmp_path / "logs/a.log"
    with logged(str(path)):
        print("hello")
    assert path.read_text().startswith("hello\ndone in ")
    assert capsys.readouterr() == ("", "")


def test_an_error_is_one_line_and_its_traceback_is_in_the_log(tmp_path):
    path = tmp_path / "a.log"
    with pytest.raises(SystemExit) as raised, logged(str(path)):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "results/a.nc")
    assert (
        raised.value.code
        == f"results/a.nc: no space left on device; free some space, then run the same command again (see {path})"
    )
    assert "Traceback" in path.read_text()
    assert "done in" not in path.read_text()


def test_a_log_that_cannot_be_written_does_not_hide_the_error():
    with pytest.raises(SystemExit) as raised, logged("/dev/full"):
        raise LazyrichError("the job's own error")
    assert raised.value.code == "the job's own error (see /dev/full)"


def test_a_log_that_cannot_be_written_is_an_error_of_its_own():
    with pytest.raises(SystemExit) as raised, logged("/dev/full"):
        pass
    assert raised.value.code.startswith("/dev/full: no space left on device; free some space")


def test_writing_to_a_full_disk_names_the_job(tmp_path):
    path = tmp_path / "draw_figures.log"
    with pytest.raises(SystemExit) as raised, logged(str(path)), open("/dev/full", "wb", buffering=0) as file:
        file.write(b"picture")
    assert raised.value.code.startswith("a file of draw_figures: no space left on device; free some space")


def test_garbage_is_looked_for_again_after_imports_and_not_among_them():
    kept = [object() for _ in range(10)]
    try:
        with pytest.raises(ImportError), importing():
            assert not gc.isenabled()
            kept.append([kept])
            raise ImportError
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
