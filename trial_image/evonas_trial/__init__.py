"""What runs inside a trial's container: the report helper and the training programs shipped with the project.

``report`` is the trial's side of the contract with the operator and the local run (docs/trial-contract.md); any
container may use it, and ``callbacks`` in the loops of other libraries. ``__main__`` lists the programs that a
manifest's ``command`` can name (docs/trial-programs.md). Nothing here imports the operator's package ``evonas``,
and the operator imports nothing from here.
"""
