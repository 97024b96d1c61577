"""Measure every claim of the ledger."""

from lazyrich.system.job import logged

with logged(snakemake.log[0]):
    from lazyrich.analysis.claims import data, ledger
    from lazyrich.shards import archive
    from lazyrich.shards.integrity import verify, verify_summaries

    verify(snakemake.input.shards)
    verify_summaries(snakemake.input.summaries)
    found = data.read(snakemake.input.sweeps, snakemake.input.shards, snakemake.input.summaries)
    archive.write(ledger.dataset(list(ledger.rows(found))), snakemake.output.ledger)
