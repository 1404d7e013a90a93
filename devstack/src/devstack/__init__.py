"""The whole suite on one machine: Postgres, Kafka, sandbox, services."""
