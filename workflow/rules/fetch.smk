# snakemake --cores 1 fetch_cifar10
# The only rule that asks a host for anything, and only when it is named: what sweeps read are the files beside its output.
if FETCHING and workflow.is_main_process:
    from lazyrich.networks.data.fetch import check_reachable

    one_clear_error(check_reachable)(CONFIGURATION.cifar10.url, CONFIGURATION.cifar10.folder)


localrules:
    fetch_cifar10,


rule fetch_cifar10:
    input:
        archive=storage.http(CONFIGURATION.cifar10.url),
    output:
        sums=Path(CONFIGURATION.cifar10.folder) / "SHA256SUMS",
    log:
        RESULTS / "logs/fetch_cifar10.log",
    benchmark:
        RESULTS / "benchmarks/fetch_cifar10.tsv"
    conda:
        "../envs/lazyrich.yml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(60),
    params:
        size=CONFIGURATION.cifar10.size,
        sha256=CONFIGURATION.cifar10.sha256,
    message:
        "unpack CIFAR-10"
    script:
        "../scripts/fetch_cifar10.py"
