"""Compares search agents on problems whose answers are known: ``python -m bench.agents``."""
