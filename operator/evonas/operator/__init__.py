"""The operator's one process: what it serves, how it comes to lead, and what it does while it leads."""
