"""Compare a sweep's shards with theory."""

from lazyrich.job import logged

# Processes that Dask starts import this file once more, under another name.
if __name__ == "__main__":
    with logged(snakemake.log[0]):
        from lazyrich import archive
        from lazyrich.integrity import verify
        from lazyrich.plan import whole
        from lazyrich.summary import summarise
        from lazyrich.sweep_file import load_sweep

        verify(snakemake.input.shards, snakemake.threads)
        sweep = load_sweep(snakemake.input.sweep)
        summary = summarise(
            snakemake.input.shards,
            whole(sweep).recipe,
            phases=sweep.phases,
            conditions=sweep.conditions,
            figures=sweep.figures,
            refine=sweep.refine,
            threads=snakemake.threads,
            dask=sweep.dask,
        )
        archive.write(summary, snakemake.output.summary)
