"""Everything that runs the four services: engines, process supervisor, the `andamio` command and the sandbox.

Nouns: engine (PostgreSQL, Valkey), program (what the supervisor keeps alive), sandbox (one whole suite in one folder).
Invariants: listens on loopback only; leaves no process behind; what cannot start says why in one sentence (`CannotStart`).
"""
