"""Every test may ask for a real Postgres and a real Kafka."""

pytest_plugins = ["devstack.pytest_plugin", "sandbox", "bench"]
