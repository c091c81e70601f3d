"""Tests of what a search is: manifests, their schema and rules, and the search space."""
