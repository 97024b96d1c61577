"""Draw a sweep's figures."""

from lazyrich.system.job import importing, logged

with logged(snakemake.log[0]):
    with importing():
        from lazyrich.draw.figures import draw_figures
        from lazyrich.sweep.reader import load_sweep

    draw_figures(
        load_sweep(snakemake.input.sweep),
        summary=snakemake.input.summary,
        shards=snakemake.input.shards,
        folder=snakemake.output.figures,
    )
