"""What the targets of the Makefile need beyond a line of shell."""
