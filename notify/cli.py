"""Commands for people: `andamio notify …` gives these a context."""

import uuid

from notify.context import Notify
from notify.operations.services import create_api_key


def new_key(notify: Notify, service_id: str, name: str, kind: str) -> str:
    """Make an API key and give it in the clients' form, once."""
    return create_api_key(notify, uuid.UUID(service_id), name=name, kind=kind, actor="operator").text
