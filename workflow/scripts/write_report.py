"""Write a sweep's report page."""

from lazyrich.system.job import importing, logged

with logged(snakemake.log[0]):
    with importing():
        from lazyrich.draw.report import write_report
        from lazyrich.shards.integrity import verify, verify_summaries
        from lazyrich.sweep.reader import load_sweep

    verify_summaries([snakemake.input.summary])
    verify(snakemake.input.shards, snakemake.threads)
    write_report(
        load_sweep(snakemake.input.sweep),
        name=snakemake.wildcards.sweep,
        summary=snakemake.input.summary,
        shards=snakemake.input.shards,
        figures=snakemake.input.figures,
        page=snakemake.output.page,
    )
