"""The one history of pay's tables."""
