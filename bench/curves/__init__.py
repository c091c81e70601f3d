"""Compares agents and rules that stop trials early, by the GPU time they take: ``python -m bench.curves``."""
