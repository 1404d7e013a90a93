"""WhatsApp numbers, chats and messages, in and out; the only sender."""
