"""What the gateway knows and decides, without any I/O."""
