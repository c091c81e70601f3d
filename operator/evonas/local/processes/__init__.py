"""Attempts as processes: the command, its supervisor, the log, and what is seen of them later."""
