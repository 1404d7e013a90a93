"""What WhatsApp means to us: rules and verbs, no I/O."""
