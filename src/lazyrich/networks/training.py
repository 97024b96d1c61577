"""What the planner and the engines must agree on about training; without numpy, for Snakemake reads it in every job."""

# c of the loss (c/2n)‖f − y‖².
LOSS_FACTOR = {"half_mse": 1.0, "mse": 2.0}
# More steps than this are a slip of the pen, not a run: hours for one network.
MOST_STEPS = 10**9
# A residual ‖Π(y − f)‖ of this share of ‖y‖ is rounding: training may stop, and records hold what is reached.
FINISHED = 1e-14
