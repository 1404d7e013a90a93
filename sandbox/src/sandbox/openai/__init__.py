"""A strict stand-in for the OpenAI API: Responses, Chat Completions, audio, moderation."""
