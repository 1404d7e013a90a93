"""What a conversation is to us: rules and verbs, no I/O."""
