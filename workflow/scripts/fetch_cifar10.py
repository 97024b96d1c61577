"""Check the archive of CIFAR-10 and unpack it."""

from lazyrich.system.job import logged

with logged(snakemake.log[0]):
    from pathlib import Path

    from lazyrich.networks.data.fetch import unpack

    folder = Path(snakemake.output.sums).parent
    unpack(snakemake.input.archive, folder, size=snakemake.params.size, sha256=snakemake.params.sha256)
    print(f"unpacked into {folder}")
