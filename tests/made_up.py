"""What summaries that tests make up by hand need beside their fields."""

import json

# Attributes of a summary of linear networks, as far as boundaries and pictures ask for them.
OF_LINEAR = {"recipe": json.dumps({"fixed": {"activation": "linear"}})}
