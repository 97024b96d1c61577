"""Choose the cells of a sweep's next level, and the shards that hold them."""

from lazyrich.job import logged

# Processes that Dask starts import this file once more, under another name.
if __name__ == "__main__":
    with logged(snakemake.log[0]):
        from pathlib import Path

        from lazyrich.cost.estimate import check, estimate
        from lazyrich.cost.work import SHIPPED
        from lazyrich.engines.select import likely_device
        from lazyrich.integrity import verify
        from lazyrich.plan import known_shards, plan, whole, write_plan
        from lazyrich.refine import cells
        from lazyrich.settings import load_settings
        from lazyrich.summary import summarise
        from lazyrich.sweep_file import load_sweep

        level = Path(snakemake.output.plan)
        try:
            verify(snakemake.input.shards, snakemake.threads)
        except ValueError:
            # A target that is there would keep Snakemake from making what lies before it anew.
            level.parents[1].joinpath("summary.nc").unlink(missing_ok=True)
            raise
        sweep = load_sweep(snakemake.input.sweep)
        summary = summarise(
            snakemake.input.shards,
            whole(sweep).recipe,
            phases=sweep.phases,
            conditions=sweep.conditions,
            threads=snakemake.threads,
            dask=sweep.dask,
        )
        chosen = cells(sweep, summary, int(snakemake.wildcards.level))
        shards = plan(sweep, known_shards(level.parents[1]), chosen)
        settings = load_settings(snakemake.config)
        left = estimate(shards, (), SHIPPED, gpu=likely_device(settings.device) == "cuda")
        check(left, settings.budget, f"level {snakemake.wildcards.level} of {snakemake.wildcards.sweep}")
        write_plan(level, shards)
