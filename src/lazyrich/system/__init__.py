"""The process and the machine: files, locks, jobs, progress, provenance, compilation. Knows nothing of networks.

Only `compiled` imports numba and numpy.
"""
