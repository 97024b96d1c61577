rule simulate_shard:
    input:
        data=data_files,
    output:
        shard=RESULTS / "{sweep}/shards/{shard}.nc",
        checksum=RESULTS / "{sweep}/shards/{shard}.sha256",
    log:
        RESULTS / "{sweep}/logs/simulate_shard/{shard}.log",
    benchmark:
        RESULTS / "{sweep}/benchmarks/simulate_shard/{shard}.tsv"
    conda:
        "../envs/lazyrich.yml"
    threads: threads_of_shard
    resources:
        mem_mb=memory,
        runtime=runtime,
        gpu=int(DEVICE == "cuda"),
    params:
        plan=plan_of_shard,
        source=source_of_simulation,
    message:
        "train the networks of shard {wildcards.shard} of {wildcards.sweep}"
    script:
        "../scripts/simulate_shard.py"
