"""Verbs: rules, transactions, audit."""
