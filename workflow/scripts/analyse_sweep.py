"""Compare a sweep's shards with theory."""

from lazyrich.job import logged

# Processes that Dask starts import this file once more, under another name.
if __name__ == "__main__":
    with logged(snakemake.log[0]):
        from lazyrich import archive
        from lazyrich.integrity import verify
        from lazyrich.summary import summarise_sweep
        from lazyrich.sweep_file import load_sweep

        verify(snakemake.input.shards, snakemake.threads)
        sweep = load_sweep(snakemake.input.sweep)
        archive.write(
            summarise_sweep(sweep, snakemake.input.shards, threads=snakemake.threads), snakemake.output.summary
        )
