"""The history of the wallet's tables."""
