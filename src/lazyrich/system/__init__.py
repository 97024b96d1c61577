"""The process and the machine: files, locks, jobs, progress, provenance. Knows nothing of networks; imports no numpy."""
