"""The claims ledger: every statement of the paper, and what the project adds to it, measured.

Nothing is imported here: the workflow asks for `SWEEPS` whenever it is parsed.
"""

# The sweeps that the ledger reads, names of files in config/sweeps.
SWEEPS = (
    "alignment_scale",
    "alignment_signal",
    "assumption_noise",
    "assumption_rate",
    "assumption_trace",
    "assumption_v_0",
    "assumption_width",
    "concentration",
    "conditions",
    "figure1",
    "figure1_literal",
    "figure1_readings",
    "figure2",
    "figure3",
    "initial_scale",
    "lazy_edge",
    "lazy_limit",
    "lazy_rich_step",
    "least_norm",
    "learning_rate",
    "neurons",
    "neurons_isotropic",
    "noise",
    "onset",
    "onset_balance",
    "overparameterization",
    "real_data",
    "rich_edge",
    "spectrum",
    "theorem",
    "universality",
    "width_exponents",
)
