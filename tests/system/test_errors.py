"""What a user can fix is told in one line; what is a fault of lazyrich is never shown as a mistake of the user's."""

import pytest

from lazyrich import cli
from lazyrich.system import job
from lazyrich.system.errors import LazyrichError


def test_a_fault_of_the_library_keeps_its_traceback(monkeypatch):
    def broken(*_):
        raise ValueError("operands could not be broadcast together")

    monkeypatch.setattr(cli, "describe_plan", broken)
    with pytest.raises(ValueError, match="broadcast"):
        cli.main(["plan", "some.yaml"])


def test_what_a_user_can_fix_is_one_line(monkeypatch, capsys):
    def refusing(*_):
        raise LazyrichError("some.yaml: problem.samples: is missing; add it")

    monkeypatch.setattr(cli, "describe_plan", refusing)
    assert cli.main(["plan", "some.yaml"]) == 1
    assert capsys.readouterr().err == "some.yaml: problem.samples: is missing; add it\n"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("phase"), "KeyError: 'phase'; this is a fault of lazyrich"),
        (ValueError("bad shape"), "ValueError: bad shape; this is a fault of lazyrich"),
        (LazyrichError("d.npz: has no X; add it"), "d.npz: has no X; add it (see "),
        (FileNotFoundError(2, "No such file", "d.npz"), "d.npz"),
    ],
)
def test_a_job_says_whose_fault_it_is_and_keeps_the_traceback(tmp_path, error, words):
    with pytest.raises(SystemExit) as ended, job.logged(str(tmp_path / "log")):
        raise error
    assert words in str(ended.value)
    assert "Traceback" in (tmp_path / "log").read_text()
    assert ("fault of lazyrich" in str(ended.value)) == ("fault of lazyrich" in words)
