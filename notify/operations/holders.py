"""Act later for who asked earlier: the service and its key, if both still may."""

import uuid

from notify.context import Notify
from notify.errors import KeyNotAllowed
from notify.operations.authentication import Holder


def holder_of(notify: Notify, service_id: uuid.UUID, key_id: uuid.UUID) -> Holder | None:
    """Give the holder of a key, None once the key is revoked or the service closed."""
    service = notify.catalogue.find_service(service_id)
    key = next((key for key in service.keys if key.id == key_id and not key.revoked), None) if service else None
    return Holder(service, key) if service and key and service.active else None


def check_reach(holder: Holder, key_id: uuid.UUID) -> None:
    """Raises: KeyNotAllowed where a test key would change what another type of key began, and what really goes out."""
    kind = next((key.kind for key in holder.service.keys if key.id == key_id), "")
    if holder.key.kind == "test" and kind != "test":
        raise KeyNotAllowed("A test key cannot change this")
