"""Train the networks of one shard."""

from lazyrich.system.job import logged

with logged(snakemake.log[0]):
    import time
    from pathlib import Path

    from lazyrich.planning.folder import known_shards
    from lazyrich.shards import archive, integrity
    from lazyrich.shards.simulate import simulate
    from lazyrich.sweep.config import load_configuration

    recipe = known_shards(Path(snakemake.params.plan).parent)[snakemake.wildcards.shard]
    # From the configuration, not a param: another device is no reason to train again.
    data = simulate(recipe, device=load_configuration(snakemake.config).device, threads=snakemake.threads)
    start = time.perf_counter()
    integrity.write(archive.described(data, recipe), snakemake.output.shard)
    print(f"written in {time.perf_counter() - start:.2f} s")
