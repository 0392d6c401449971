"""Rigs: a running suite under a day's load, and the books afterwards.  Faults are broken by tests/fault."""
