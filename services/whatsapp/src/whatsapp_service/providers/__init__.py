"""The outside APIs of the whatsapp service, one per module."""
