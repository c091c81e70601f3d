"""Compares search agents by the fronts that they find, where the best is known: ``python -m bench.fronts``."""
