rule analyse_sweep:
    input:
        sweep=lambda wildcards: ancient(sweep_file(wildcards.sweep)),
        shards=shard_files,
        checksums=checksum_files,
        published=published_file,
    output:
        summary=RESULTS / "{sweep}/summary.nc",
        checksum=RESULTS / "{sweep}/summary.sha256",
    log:
        RESULTS / "{sweep}/logs/analyse_sweep.log",
    benchmark:
        RESULTS / "{sweep}/benchmarks/analyse_sweep.tsv"
    conda:
        "../envs/lazyrich.yml"
    threads: threads_of_analysis
    resources:
        mem_mb=memory_of_analysis,
        runtime=runtime,
    params:
        decides=analysed_keys,
        source=source("analyse_sweep"),
    message:
        "compare {wildcards.sweep} with theory"
    script:
        "../scripts/analyse_sweep.py"
