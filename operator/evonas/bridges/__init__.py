"""To and from the formats of other tools. Katib's is read without its packages; Optuna's storage needs Optuna."""
