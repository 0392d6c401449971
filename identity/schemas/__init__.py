"""What may come in, as JSON."""
