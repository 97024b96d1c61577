"""Measure every claim of the ledger."""

from lazyrich.job import logged

with logged(snakemake.log[0]):
    from lazyrich import archive
    from lazyrich.claims import data, ledger
    from lazyrich.integrity import verify

    verify(snakemake.input.shards)
    found = data.read(snakemake.input.sweeps, snakemake.input.shards, snakemake.input.summaries)
    archive.write(ledger.dataset(list(ledger.rows(found))), snakemake.output.ledger)
