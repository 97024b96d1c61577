"""The version of lazyrich; the build reads it here, so that a source tree that is not installed knows it as well."""

__version__ = "0.2.0"
