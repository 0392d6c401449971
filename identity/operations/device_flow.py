"""The device authorization grant: a screen asks, a person answers on their own device (§2.19).  Spec: RFC 8628."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, select

from identity.context import Identity
from identity.errors import UnauthorizedClient
from identity.events import Event
from identity.models.remote_request import RemoteKind, RemoteState
from identity.operations import guards
from identity.operations.authorization_requests import read_resources, read_scopes
from identity.operations.calls import Call
from identity.operations.client_authentication import authenticate, use_assertion
from identity.operations.remote_requests import REQUESTS, add, read_levels
from identity.standards import rfc8628
from shared.problems import TooManyRequests

PAGE = "/device"
PER_BROWSER_MAX, PER_ADDRESS_MAX, WINDOW = 5, 20, timedelta(hours=1)
PURPOSE, NETWORK = "device-user-code", "device-network"


def begin(identity: Identity, call: Call, address: str) -> dict[str, object]:
    """Answer a device authorization request.  Raises: OAuthError."""
    authenticated = authenticate(identity, call)
    client = authenticated.client
    if rfc8628.GRANT_TYPE not in client.grant_types:
        raise UnauthorizedClient("this client may not use that grant")
    scopes = read_scopes(client, call.parameters.get("scope"))
    resources = read_resources(client, call.parameters.all("resource"))
    levels = read_levels(client, call.parameters)
    device_code = identity.ids.token(32)
    with identity.transaction() as tx:
        use_assertion(tx, authenticated)
        user_code = identity.ids.pick(rfc8628.ALPHABET, rfc8628.LENGTH)
        while _find(identity, tx.connection, user_code) is not None:
            user_code = identity.ids.pick(rfc8628.ALPHABET, rfc8628.LENGTH)
        request_id = add(
            identity,
            tx,
            client,
            RemoteKind.DEVICE,
            device_code,
            life_seconds=rfc8628.LIFE_SECONDS,
            scopes=list(scopes),
            resources=list(resources),
            user_code_index=identity.cipher.blind_index(user_code, purpose=PURPOSE),
            network_index=network_index(identity, address),
            interval_seconds=rfc8628.INTERVAL_SECONDS,
            **levels,
        )
        tx.record(Event.REMOTE_ASKED, actor=f"client:{client.client_id}", object_id=str(request_id), data={"kind": "device"})
    page = identity.settings.public_url + PAGE
    return {
        "device_code": device_code,
        "user_code": rfc8628.shown(user_code),
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={rfc8628.shown(user_code)}",
        "expires_in": rfc8628.LIFE_SECONDS,
        "interval": rfc8628.INTERVAL_SECONDS,
    }


def network_index(identity: Identity, address: str) -> bytes | None:
    """Return a keyed hash of the network that an address lies in."""
    network = guards.network_of(address)
    return identity.cipher.blind_index(network, purpose=NETWORK) if network else None


def find_by_user_code(identity: Identity, typed: str, *, browser: str, address: str) -> UUID | None:
    """Return the request of a code that somebody typed; wrong ones are counted by browser and address.

    Raises: TooManyRequests after five wrong codes of one browser, or twenty of one address, in an hour.
    """
    code = rfc8628.read(typed)
    wanted = {("device-browser", browser): WINDOW, **({("device-address", address): WINDOW} if address else {})}
    with identity.db.begin() as connection:
        counts = guards.counted(identity, connection, wanted)
        if counts.get("device-browser", 0) >= PER_BROWSER_MAX or counts.get("device-address", 0) >= PER_ADDRESS_MAX:
            raise TooManyRequests("Too many wrong codes. Wait an hour.", retry_after_seconds=int(WINDOW.total_seconds()))
        found = _find(identity, connection, code) if code else None
        if found is None:
            guards.count(identity, connection, wanted)
    return found


def _find(identity: Identity, connection: Connection, user_code: str) -> UUID | None:
    index = identity.cipher.blind_index(user_code, purpose=PURPOSE)
    query = select(REQUESTS.c.id).where(REQUESTS.c.user_code_index == index, REQUESTS.c.state == RemoteState.PENDING)
    found: UUID | None = connection.execute(query.where(REQUESTS.c.expires_at > identity.clock.now())).scalars().first()
    return found
