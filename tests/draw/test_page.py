"""Pages: written whole or not at all, and nothing is left beside them."""

import pytest

from lazyrich.draw.page import write_page


@pytest.mark.parametrize("entries", [[{"title": "no character \ud800"}], None])
def test_a_page_that_fails_leaves_the_earlier_one_and_nothing_beside_it(entries, tmp_path):
    """One that cannot be written, and one that cannot be rendered."""
    page = tmp_path / "new" / "index.html"
    write_page(page, "index.html", entries=[])
    before = page.read_text()
    with pytest.raises((UnicodeEncodeError, TypeError)):
        write_page(page, "index.html", entries=entries)
    assert page.read_text() == before
    assert list(page.parent.iterdir()) == [page]
