"""The theory as pure functions on arrays; formulas and their sources are in docs/theory.md."""
