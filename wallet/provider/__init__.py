"""For bodies that hold data: check consent tokens by the contract's thirteen rows, answer, and report what was answered.

Three ways to use it: plain functions (`Provider.check`), a Flask extension (`flask_guard`), and a reverse proxy that stands before a
register which knows nothing of consents (`proxy`).  How to begin: docs/wallet/provider.md.
"""
