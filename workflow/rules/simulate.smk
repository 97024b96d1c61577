rule simulate_shard:
    message:
        "train the networks of shard {wildcards.shard} of {wildcards.sweep}"
    input:
        data=data_file,
    output:
        shard=RESULTS / "{sweep}/shards/{shard}.nc",
    params:
        plan=lambda wildcards: RESULTS / wildcards.sweep / "plan.json",
        source=fingerprint("lazyrich.simulate", "lazyrich.engines.propagator"),
    log:
        RESULTS / "{sweep}/logs/simulate_shard/{shard}.log",
    benchmark:
        RESULTS / "{sweep}/benchmarks/simulate_shard/{shard}.tsv"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=60,
    conda:
        "../envs/lazyrich.yml"
    script:
        "../scripts/simulate_shard.py"
