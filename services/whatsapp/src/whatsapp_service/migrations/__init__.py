"""The history of the whatsapp schema."""
