"""The search's rules: pure functions over records. Nothing here does I/O, reads a clock or knows Kubernetes' API."""
