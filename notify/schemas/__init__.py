"""What may come in, said in the words of the wire contract."""
