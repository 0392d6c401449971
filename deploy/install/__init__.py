"""A production installation on one host: its folder of settings and secrets, its first operator, and a look at whether it is right."""
