"""Diagrams, report pages and the index; the only place that imports HoloViews."""
