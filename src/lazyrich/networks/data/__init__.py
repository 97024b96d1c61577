"""Data that are there already: scikit-learn's digits, CIFAR-10, a user's file; which samples are taken, and as what.

`source` is the door for what trains and plans, `check` the one for what reads sweep files.
"""
