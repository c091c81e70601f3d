"""Conversion to and from other tools' formats. Katib's needs none of its packages; Optuna's storage needs Optuna."""
