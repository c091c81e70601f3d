"""What runs inside a trial's container: the report helper and the training programs that the project ships.

``report`` is the trial's side of the contract with the operator and the local run (docs/trial-contract.md); any
container may use it. ``counting``, ``cnn`` and ``spiking`` are programs that a manifest's ``command`` can name. Nothing
here imports the operator's package ``evonas``, and the operator imports nothing from here.
"""
