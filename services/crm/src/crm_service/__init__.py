"""Contacts and deals, whichever CRM is behind."""
