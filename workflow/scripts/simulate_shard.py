"""Train the networks of one shard."""

from lazyrich.job import logged

with logged(snakemake.log[0]):
    import time
    from pathlib import Path

    from lazyrich import archive, integrity
    from lazyrich.plan_file import known_shards
    from lazyrich.settings import load_settings
    from lazyrich.simulate import simulate

    recipe = known_shards(Path(snakemake.params.plan).parent)[snakemake.wildcards.shard].recipe
    # From the configuration, not a param: another device is no reason to train again.
    data = simulate(recipe, device=load_settings(snakemake.config).device, threads=snakemake.threads)
    start = time.perf_counter()
    integrity.write(archive.described(data, recipe), snakemake.output.shard)
    print(f"written in {time.perf_counter() - start:.2f} s")
