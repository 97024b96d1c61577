"""The sweep file and config.yaml as validated values; imports no numpy, since Snakemake reads it in every job."""
