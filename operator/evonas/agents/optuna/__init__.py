"""Optuna's samplers behind the interface of our agents. Imports Optuna."""
