# The workflow lives in workflow/; this file is here so that `snakemake` finds it, and profiles/default beside it.
include: "workflow/Snakefile"


# An included file cannot name the default target, so it is named again.
rule default:
    input:
        rules.all.input,
