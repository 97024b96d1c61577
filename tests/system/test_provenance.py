"""A fingerprint is that of some code."""

import pytest

from lazyrich.system.provenance import _code, fingerprint


@pytest.mark.parametrize("module", ["lazyrich.analysis.summery", "lazyrich.nothing.summary", "numpy", "lazyrich"])
def test_a_module_that_is_none_is_refused(module):
    for modules in ((module,), ("lazyrich.planning.plan", module)):
        with pytest.raises(ValueError, match=f"^{module}: is no module of lazyrich"):
            fingerprint(*modules)


def test_nothing_has_no_fingerprint():
    with pytest.raises(ValueError, match="^nothing: "):
        fingerprint()


def test_a_root_counts_though_it_is_left_out_where_it_is_imported():
    one, other = fingerprint("lazyrich.system.progress"), fingerprint("lazyrich.system.disk")
    assert one != other


TABLE = """
TABLE = {
    "loss": Observable(formula=lambda s: s.loss, long_name="training loss", symbol="L", dtype="float64"),
    "mse": Loss(factor=2.0, formula="(1/n)|f - y|^2"),
}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [("training loss", "loss of training"), ('symbol="L"', 'symbol="ℒ"'), ("(1/n)", "1/n · "), (', symbol="L"', "")],
)
def test_words_decide_what_is_written_and_no_number(tmp_path, old, new):
    before, after = tmp_path / "before.py", tmp_path / "after.py"
    before.write_text(TABLE)
    after.write_text(TABLE.replace(old, new))
    assert _code(before) != _code(after)
    assert _code(before, words=False) == _code(after, words=False)


@pytest.mark.parametrize(
    ("old", "new"), [("s.loss", "-s.loss"), ("float64", "float32"), ("2.0", "3.0"), ("lambda s: s.loss", "'loss'")]
)
def test_what_decides_a_number_counts_under_any_name(tmp_path, old, new):
    before, after = tmp_path / "before.py", tmp_path / "after.py"
    before.write_text(TABLE)
    after.write_text(TABLE.replace(old, new))
    assert _code(before, words=False) != _code(after, words=False)
