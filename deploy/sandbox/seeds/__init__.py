"""What each service of the sandbox is filled with; a second start keeps what is there."""
