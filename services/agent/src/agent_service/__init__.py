"""Conversations: decides what to say and do."""
