rule write_report:
    input:
        sweep=lambda wildcards: sweep_file(wildcards.sweep),
        summary=rules.analyse_sweep.output.summary,
        checksum=rules.analyse_sweep.output.checksum,
        shards=shard_files,
        checksums=checksum_files,
        figures=rules.draw_figures.output.figures,
    output:
        page=report(
            RESULTS / "{sweep}/report.html",
            category="{sweep}",
            labels={"figure": "report page, to explore"},
            caption="../report/page.rst",
        ),
    log:
        RESULTS / "{sweep}/logs/write_report.log",
    benchmark:
        RESULTS / "{sweep}/benchmarks/write_report.tsv"
    conda:
        "../envs/lazyrich.yml"
    threads: 1
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        source=source("write_report"),
    message:
        "write the report page of {wildcards.sweep}"
    script:
        "../scripts/write_report.py"


rule write_index:
    input:
        reports=expand(rules.write_report.output.page, sweep=CONFIGURATION.sweeps),
        figures=expand(rules.draw_figures.output.figures, sweep=CONFIGURATION.sweeps),
        sweeps=[sweep_file(name) for name in CONFIGURATION.sweeps],
    output:
        page=RESULTS / "index.html",
    log:
        RESULTS / "logs/write_index.log",
    benchmark:
        RESULTS / "benchmarks/write_index.tsv"
    conda:
        "../envs/lazyrich.yml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
    params:
        source=source("write_index"),
    message:
        "write the index of all sweeps"
    script:
        "../scripts/write_index.py"
