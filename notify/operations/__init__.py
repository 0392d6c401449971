"""Verbs: rules, transactions, audit; the context comes first."""
