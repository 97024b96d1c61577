"""Write the ledger of claims as a page, as text and as figures."""

from lazyrich.system.job import importing, logged

with logged(snakemake.log[0]):
    with importing():
        from lazyrich.draw.claims import draw_claims

    draw_claims(
        snakemake.input.ledger,
        page=snakemake.output.page,
        text=snakemake.output.text,
        figures=snakemake.output.figures,
    )
