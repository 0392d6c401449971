"""What every service's settings need, made up: a test changes what it is about."""

import base64
from typing import Any

from shared.settings import Secret


def common(service: str, public_url: str, database_url: str, redis_url: str) -> dict[str, Any]:
    """Settings of a sandbox service on these engines, by field."""
    return {
        "database_url": Secret(database_url),
        "redis_url": Secret(redis_url),
        "public_url": public_url,
        "environment": "sandbox",
        "issuer": "http://localhost:9001/openid",
        "encryption_keys": Secret("test:" + base64.b64encode(b"k" * 32).decode()),
        "audit_seed": Secret(base64.b64encode(b"s" * 32).decode()),
        "client_id": service,
        "client_key": Secret("{}"),
    }
