"""Write a sweep's report page."""

from lazyrich.system.job import importing, logged

with logged(snakemake.log[0]):
    with importing():
        from lazyrich.draw.report import write_report
        from lazyrich.sweep.reader import load_sweep

    write_report(
        load_sweep(snakemake.input.sweep),
        name=snakemake.wildcards.sweep,
        summary=snakemake.input.summary,
        shards=snakemake.input.shards,
        figures=snakemake.input.figures,
        page=snakemake.output.page,
    )
