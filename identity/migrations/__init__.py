"""The one history of identity's tables."""
