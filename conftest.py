"""Every test may ask for a real Postgres and a real Kafka."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["devstack.pytest_plugin", "sandbox", "bench"]

# How fast this machine draws examples is no property of our code.
settings.register_profile("parley", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("parley")
