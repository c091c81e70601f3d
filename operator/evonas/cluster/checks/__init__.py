"""Checks whether a cluster has what a search needs to run, with the caller's own rights; changes nothing."""
