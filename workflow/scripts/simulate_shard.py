"""Train the networks of one shard."""

from lazyrich.job import logged

with logged(snakemake.log[0]):
    from lazyrich import archive, integrity
    from lazyrich.plan import read_plan
    from lazyrich.settings import load_settings
    from lazyrich.simulate import simulate

    recipe = read_plan(snakemake.params.plan)[snakemake.wildcards.shard].recipe
    # From the configuration, not a param: another device is no reason to train again.
    data = simulate(recipe, device=load_settings(snakemake.config).device, threads=snakemake.threads)
    integrity.write(archive.described(data, recipe), snakemake.output.shard)
