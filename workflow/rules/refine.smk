# Which shards a level has follows from the numbers of those below it, so that jobs are known one level at a time.
checkpoint refine_sweep:
    input:
        sweep=lambda wildcards: ancient(sweep_file(wildcards.sweep)),
        shards=shards_below_level,
        checksums=checksums_below_level,
    output:
        plan=RESULTS / "{sweep}/levels/{level}.json",
    log:
        RESULTS / "{sweep}/logs/refine_sweep/{level}.log",
    benchmark:
        RESULTS / "{sweep}/benchmarks/refine_sweep/{level}.tsv"
    conda:
        "../envs/lazyrich.yml"
    threads: threads_of_analysis
    resources:
        mem_mb=memory_of_analysis,
        runtime=runtime,
    params:
        decides=analysed_keys,
        source=source("refine_sweep"),
    message:
        "choose the cells of level {wildcards.level} of {wildcards.sweep}"
    script:
        "../scripts/refine_sweep.py"
