"""Targets on a command line of Snakemake: what it takes for one, and no value of an option."""

import pytest

from lazyrich.planning.arguments import Asked, asked

PAGE = "results/map/report.html"


@pytest.mark.parametrize(
    ("command", "targets"),
    [
        ("--cores all", ()),
        (f"--cores 2 {PAGE} claims", (PAGE, "claims")),
        (f"{PAGE} {PAGE} --dry-run", (PAGE,)),
        (f"--cores all --config results=elsewhere -- {PAGE}", (PAGE,)),
        ("--cores 1 fetch_cifar10", ("fetch_cifar10",)),
    ],
)
def test_targets_are_those_of_snakemake(command, targets):
    found = asked(command.split())
    assert found == Asked(targets)
    assert found.names("fetch_cifar10") == ("fetch_cifar10" in targets)


@pytest.mark.parametrize(
    "options",
    [
        "--config results=fetch_cifar10",
        "--config fetch_cifar10=claims sweeps=[claims]",
        "--configfile fetch_cifar10",
        "--directory fetch_cifar10",
        "--directory results/archive/one",
        "--until fetch_cifar10",
        "--omit-from claims fetch_cifar10",
        "--forcerun claims results/archive/all.zip",
        "--set-threads fetch_cifar10=1",
        "--workflow-profile fetch_cifar10:",
    ],
)
def test_a_value_of_an_option_is_no_target(options):
    for found in (asked(options.split()), asked([PAGE, "--cores", "2", *options.split()])):
        assert set(found.targets) <= {PAGE}
        assert not found.names("fetch_cifar10")
        assert not found.names("claims")
    assert found.targets == (PAGE,)


def test_a_job_names_its_rule():
    """As Snakemake starts it: with wildcards after the rule's name."""
    job = "--target-jobs fetch_cifar10: --allowed-rules fetch_cifar10 --cores 1 --mode subprocess"
    assert asked(job.split()).names("fetch_cifar10")
    other = "--target-jobs simulate_shard:sweep=fetch_cifar10,shard=00 --allowed-rules simulate_shard fetch_cifar10"
    assert asked(other.split()) == Asked(rules=("simulate_shard",))


@pytest.mark.parametrize(
    ("options", "report"), [("--report", True), ("--report a.zip", True), ("--reporter html", False)]
)
def test_a_report_is_an_option(options, report):
    assert asked(["--cores", "1", *options.split()]) == Asked(report=report)


def test_arguments_of_another_program_ask_for_nothing_and_print_nothing(capfd):
    assert asked(["--no-such-option", "fetch_cifar10"]) == Asked()
    assert capfd.readouterr() == ("", "")
