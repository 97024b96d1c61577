"""The error that users cause and can fix; any other exception is a bug of lazyrich."""

from __future__ import annotations


class LazyrichError(ValueError):
    """An error that a user can fix: the message names file, key and fix, and is shown without a traceback."""
