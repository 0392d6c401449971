"""`andamio journey`: one person's way through all four services, with real clients, each step checked and timed."""

from deploy.journey.cli import main

__all__ = ["main"]
