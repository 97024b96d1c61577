"""Train the networks of one shard."""

from lazyrich.job import logged

with logged(snakemake.log[0]):
    from lazyrich import archive
    from lazyrich.plan import read_plan
    from lazyrich.simulate import simulate

    recipe = read_plan(snakemake.params.plan)[snakemake.wildcards.shard].recipe
    data = simulate(recipe, device=snakemake.params.device, threads=snakemake.threads)
    archive.write(archive.described(data, recipe), snakemake.output.shard)
