"""The two engines, each prepared here and kept alive by the supervisor: PostgreSQL and a Redis-protocol server."""
