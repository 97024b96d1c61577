"""Compare a sweep's shards with theory."""

from lazyrich.system.job import logged

# Processes that Dask starts import this file once more, under another name.
if __name__ == "__main__":
    with logged(snakemake.log[0]):
        from lazyrich.analysis.summary import summarise_sweep
        from lazyrich.shards import integrity
        from lazyrich.sweep.reader import load_sweep

        integrity.verify(snakemake.input.shards, snakemake.threads)
        sweep = load_sweep(snakemake.input.sweep)
        integrity.write(
            summarise_sweep(sweep, snakemake.input.shards, threads=snakemake.threads), snakemake.output.summary
        )
