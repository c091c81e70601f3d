"""Registers the fixtures that more than one folder of tests uses, and how long Hypothesis may take."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.cluster.fixtures"]

# A busy machine is no failure of the code: nothing is timed here, speed is shown by bench/.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
