"""Draw a sweep's figures."""

from pathlib import Path

from lazyrich.system.job import importing, logged

with logged(snakemake.log[0]):
    with importing():
        from lazyrich.draw.figures import draw_figures
        from lazyrich.planning.command import snakemake_command
        from lazyrich.shards.integrity import verify, verify_summaries
        from lazyrich.sweep.reader import load_sweep

    verify_summaries([snakemake.input.summary])
    verify(snakemake.input.shards, snakemake.threads)
    folder = Path(snakemake.output.figures)
    draw_figures(
        load_sweep(snakemake.input.sweep),
        summary=snakemake.input.summary,
        shards=snakemake.input.shards,
        folder=folder,
        command=snakemake_command(folder, folder.parents[1]),
    )
