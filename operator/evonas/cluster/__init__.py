"""Everything that talks to the API server: client, store, queue, reconcile, execution (design §1.3)."""
