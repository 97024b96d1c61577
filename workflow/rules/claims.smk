rule measure_claims:
    input:
        sweeps=[ancient(sweep_file(name)) for name in CLAIMED],
        shards=lambda wildcards: [path for name in CLAIMED for path in paths_of_shards(name)],
        checksums=lambda wildcards: [path for name in CLAIMED for path in paths_of_checksums(name)],
        summaries=expand(rules.analyse_sweep.output.summary, sweep=CLAIMED),
        checksums_of_summaries=expand(rules.analyse_sweep.output.checksum, sweep=CLAIMED),
        published=lambda wildcards: published_of(CLAIMED),
    output:
        ledger=RESULTS / "claims/ledger.nc",
    log:
        RESULTS / "claims/logs/measure_claims.log",
    benchmark:
        RESULTS / "claims/benchmarks/measure_claims.tsv"
    conda:
        "../envs/lazyrich.yml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        decides=lambda wildcards: [analysed(sweep(name)) for name in CLAIMED],
        source=source("measure_claims"),
    message:
        "measure every claim"
    script:
        "../scripts/measure_claims.py"


rule draw_claims:
    input:
        ledger=rules.measure_claims.output.ledger,
    output:
        page=RESULTS / "claims/ledger.html",
        text=RESULTS / "claims/ledger.md",
        figures=report(
            directory(RESULTS / "claims/figures"),
            patterns=["{figure}.svg"],
            category="claims",
            labels={"figure": "{figure}"},
            caption="../report/claim.rst",
        ),
    log:
        RESULTS / "claims/logs/draw_claims.log",
    benchmark:
        RESULTS / "claims/benchmarks/draw_claims.tsv"
    conda:
        "../envs/lazyrich.yml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        source=source("draw_claims"),
    message:
        "write the ledger of claims"
    script:
        "../scripts/draw_claims.py"
