"""Registers the fixtures that more than one folder of tests uses."""

pytest_plugins = ["tests.cluster.fixtures"]
