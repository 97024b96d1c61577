"""Write the index of all sweeps."""

from lazyrich.system.job import logged

with logged(snakemake.log[0]):
    from lazyrich.draw.index import write_index
    from lazyrich.sweep.reader import load_sweep

    write_index(
        [load_sweep(path) for path in snakemake.input.sweeps],
        reports=snakemake.input.reports,
        figures=snakemake.input.figures,
        page=snakemake.output.page,
    )
