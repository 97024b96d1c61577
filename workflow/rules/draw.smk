rule draw_figures:
    input:
        sweep=lambda wildcards: sweep_file(wildcards.sweep),
        summary=rules.analyse_sweep.output.summary,
        checksum=rules.analyse_sweep.output.checksum,
        shards=shard_files,
        checksums=checksum_files,
        published=published_file,
    output:
        figures=report(
            directory(RESULTS / "{sweep}/figures"),
            patterns=["{figure}.svg"],
            category="{sweep}",
            labels={"figure": "{figure}"},
            caption="../report/figure.rst",
        ),
    log:
        RESULTS / "{sweep}/logs/draw_figures.log",
    benchmark:
        RESULTS / "{sweep}/benchmarks/draw_figures.tsv"
    conda:
        "../envs/lazyrich.yml"
    threads: 1
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        source=source("draw_figures"),
    message:
        "draw {wildcards.sweep}"
    script:
        "../scripts/draw_figures.py"
