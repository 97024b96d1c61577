"""The names of teachers (`teacher`). Sweep files are read without numpy."""

LINEAR = "linear"
NETWORKS = ("relu", "quadratic")  # y = Σ_a v_a φ(u_a·x), u_a ~ N(0, I): no β
TEACHERS = (LINEAR, *NETWORKS, "sparse", "aligned")
