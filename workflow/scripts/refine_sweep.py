"""Choose the cells of a sweep's next level, and the shards that hold them."""

from lazyrich.system.job import logged

# Processes that Dask starts import this file once more, under another name.
if __name__ == "__main__":
    with logged(snakemake.log[0]):
        from pathlib import Path

        from lazyrich.analysis.levels import choose
        from lazyrich.sweep.config import load_configuration
        from lazyrich.sweep.reader import load_sweep

        choose(
            load_sweep(snakemake.input.sweep),
            snakemake.input.shards,
            Path(snakemake.output.plan),
            load_configuration(snakemake.config),
            threads=snakemake.threads,
        )
