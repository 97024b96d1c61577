"""Engines: exact gradient descent on a batch of networks, one protocol (`evolve`) for all."""
