"""The images that are shipped are those that scikit-learn has, and its documentation and UCI's page know them."""

import hashlib

import numpy as np

import lazyrich
from lazyrich.networks.data import digits


def test_the_images_are_those_of_the_documentation():
    pool = digits.pool()
    assert (len(pool), pool.dimension) == (1797, 64)
    # The first rows of `digits.images[0]`, as scikit-learn's tutorial prints it.
    first = [[0, 0, 5, 13, 9, 1, 0, 0], [0, 0, 13, 15, 10, 15, 5, 0], [0, 3, 15, 2, 0, 11, 8, 0]]
    np.testing.assert_array_equal(pool.rows(np.array([0]))[0, :24], np.ravel(first))
    np.testing.assert_array_equal(pool.labels[:10], np.arange(10))
    # How many of each digit, by UCI's page.
    numbers, counts = np.unique(pool.labels, return_counts=True)
    np.testing.assert_array_equal(numbers, np.arange(10))
    np.testing.assert_array_equal(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    pixels = pool.rows(np.arange(1797))
    assert (pixels.min(), pixels.max()) == pool.span


def test_the_page_beside_them_has_their_checksum():
    found = hashlib.sha256(digits.FILE.read_bytes()).hexdigest()
    assert found in (digits.FILE.parent / "README.md").read_text(encoding="utf-8")
    sweep = {
        "problem": {"source": "digits", "samples": 3},
        "network": {"width": 4, "laziness": 1},
        "training": {"stability_fraction": 0.1, "steps": 1},
    }
    assert lazyrich.run(sweep).attrs["data_checksum"] == found
