"""A fingerprint is that of some code."""

import pytest

from lazyrich.system.provenance import fingerprint


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
