"""What is behind the gateway: the log of webhooks and the services."""
