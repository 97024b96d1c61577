"""The kind of error that users cause and can fix; anything else that is raised is a fault of lazyrich."""

from __future__ import annotations


class LazyrichError(ValueError):
    """What a user can fix: the message names file, key and fix, and is shown without a traceback."""
