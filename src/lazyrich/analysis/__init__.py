"""From shards to a summary: theories, phases, boundaries, claims."""
