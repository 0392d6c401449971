"""What identity leans on and may be exchanged: today the password hasher."""
