#!/usr/bin/env bash
# Run by Snakemake in the new environment, from the project's root.
set -euo pipefail
PIP_CONSTRAINT=constraints.txt python -m pip install -e '.[all]'
