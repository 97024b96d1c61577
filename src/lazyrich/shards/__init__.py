"""A recipe trained, written, checked and replayed."""
