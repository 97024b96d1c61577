"""Measure every claim of the ledger."""

from lazyrich.job import logged

with logged(snakemake.log[0]):
    from pathlib import Path

    from lazyrich import archive
    from lazyrich.claims import data, ledger
    from lazyrich.sweep_file import load_sweep

    found = data.Data()
    for path, summary in zip(snakemake.input.sweeps, snakemake.input.summaries, strict=True):
        home = Path(summary).parent
        shards = [shard for shard in snakemake.input.shards if Path(shard).is_relative_to(home)]
        found[Path(path).stem] = data.from_files(load_sweep(path), shards, summary)
    archive.write(ledger.dataset(list(ledger.rows(found))), snakemake.output.ledger)
