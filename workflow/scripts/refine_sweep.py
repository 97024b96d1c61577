"""Choose the cells of a sweep's next level, and the shards that hold them."""

from lazyrich.job import logged

# Processes that Dask starts import this file once more, under another name.
if __name__ == "__main__":
    with logged(snakemake.log[0]):
        from pathlib import Path

        from lazyrich.integrity import verify
        from lazyrich.plan import known_shards, plan, whole, write_plan
        from lazyrich.refine import cells
        from lazyrich.summary import summarise
        from lazyrich.sweep_file import load_sweep

        verify(snakemake.input.shards, snakemake.threads)
        sweep = load_sweep(snakemake.input.sweep)
        summary = summarise(
            snakemake.input.shards,
            whole(sweep).recipe,
            phases=sweep.phases,
            conditions=sweep.conditions,
            threads=snakemake.threads,
            dask=sweep.dask,
        )
        level = Path(snakemake.output.plan)
        chosen = cells(sweep, summary, int(snakemake.wildcards.level))
        write_plan(level, plan(sweep, known_shards(level.parents[1]), chosen))
