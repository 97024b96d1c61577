"""The propagator on a CPU, beneath its surface: eight networks side by side in SIMD lanes, compiled by numba.

`lanes` are vectors as values, `octet` the state of eight networks and its step, `training` what happens along the way,
`recording`, `contractions` and `linearised` what is measured, `sharpness` the largest eigenvalues, `compiled` the compiler's
settings.
"""
