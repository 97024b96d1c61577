rule analyse_sweep:
    message:
        "compare {wildcards.sweep} with theory"
    input:
        sweep=lambda wildcards: ancient(sweep_file(wildcards.sweep)),
        shards=shard_files,
        published=published_file,
    output:
        summary=RESULTS / "{sweep}/summary.nc",
    params:
        decides=analysed_keys,
        source=fingerprint("lazyrich.comparison"),
    log:
        RESULTS / "{sweep}/logs/analyse_sweep.log",
    benchmark:
        RESULTS / "{sweep}/benchmarks/analyse_sweep.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    conda:
        "../envs/lazyrich.yml"
    script:
        "../scripts/analyse_sweep.py"
