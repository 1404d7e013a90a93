"""The verbs of the whatsapp service."""
