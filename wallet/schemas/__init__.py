"""What may come in and what goes out; unknown members are refused."""
