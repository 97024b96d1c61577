"""The version of lazyrich. The build reads it here, so that a source tree that is not installed knows it, too."""

__version__ = "0.2.0"
