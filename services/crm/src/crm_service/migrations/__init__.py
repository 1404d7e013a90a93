"""The history of the crm schema."""
