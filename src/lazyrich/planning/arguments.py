"""What a command line of Snakemake asks for: a Snakefile is not told its targets."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import NamedTuple


class Asked(NamedTuple):
    """What is to be made: targets (files and rules) of a user's command, rules of a job's command; and whether to report."""

    targets: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    report: bool = False

    def names(self, rule: str) -> bool:
        """Return whether a rule is asked for by its name."""
        return rule in self.targets or rule in self.rules


def asked(arguments: Sequence[str]) -> Asked:
    """Return what the arguments of a `snakemake` command ask for, by Snakemake's own parser: values of options are no targets.

    Arguments of another program, which runs Snakemake by its API, ask for nothing that is known here.
    """
    # Snakemake is there, since only a Snakefile asks.
    from snakemake.cli import get_argument_parser

    unheard = io.StringIO()
    try:
        with contextlib.redirect_stdout(unheard), contextlib.redirect_stderr(unheard):
            found = get_argument_parser().parse_args(list(arguments))
    except SystemExit:
        return Asked()
    rules = tuple(job.rulename for job in found.target_jobs)
    return Asked(tuple(dict.fromkeys(found.targets)), rules, report=found.report is not None)
