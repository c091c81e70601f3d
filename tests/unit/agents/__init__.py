"""Tests of the agents: the limit cases that define them, their contract, and restoring them."""
