"""Verbs: each takes the context first, owns its transactions and leaves an audit row."""
