"""Registers the fixtures that more than one folder of tests uses, and how much and how long Hypothesis may try."""

from hypothesis import HealthCheck, settings

from tests.tier import examples

pytest_plugins = ["tests.cluster.fixtures"]

# A busy machine is no failure of the code: nothing is timed here, speed is shown by bench/.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=examples(100)
)
settings.load_profile("untimed")
