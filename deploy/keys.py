"""`andamio keys` and `andamio rotate`: which keys there are, and how each is changed while everything runs.  docs/operations/keys.md."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.errors import CannotStart
from deploy.serving import create_context
from shared.context import Context

if TYPE_CHECKING:
    from identity.context import Identity

ACTOR = "operator"


def show(service: str) -> dict[str, object]:
    """Return which keys a service works with: ids, public keys and counts, no secret."""
    context = create_context(service)
    try:
        under = context.cipher.count_by_key()
        return {
            "encryption": {"newest": context.keyring.newest, "data_keys": under},
            "audit": list(context.audit_keys),
            "signing": _SHOWN[service](context),
        }
    finally:
        context.close()


def rotate(service: str, what: str, *, emergency: bool) -> list[str]:
    """Change a key of a service, or bring its change one step on; return what was done in words."""
    context = create_context(service)
    try:
        if what == "encryption":
            count = context.cipher.rewrap()
            return [f"{count} data keys are now under {context.keyring.newest}"]
        return _SIGNING[service](context, emergency)
    finally:
        context.close()


def renew_client_key(service: str, key_file: Path, *, finish: bool) -> list[str]:
    """Give a service's client at identity a new key beside its old one and write it to the file; `finish` ends the old one.

    Raises: CannotStart where the file holds no private key.
    """
    from joserfc.jwk import ECKey

    from identity.operations.client_keys import set_client_keys

    try:
        present = ECKey.import_key(json.loads(key_file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as fault:
        raise CannotStart(f"{key_file} holds no private key of a client.") from fault
    identity = create_context("identity")
    keys = [present]
    if not finish:
        keys.insert(0, ECKey.generate_key("P-256", {"kid": identity.ids.token(8), "alg": "ES256", "use": "sig"}, private=True))
    try:
        set_client_keys(_as_identity(identity), service, [dict(key.as_dict(private=False)) for key in keys], actor=ACTOR)
    finally:
        identity.close()
    if finish:
        return [f"identity honours only {present.kid} of {service} from now on"]
    _write_secret(key_file, json.dumps(keys[0].as_dict(private=True)))
    return [
        f"{key_file} holds {keys[0].kid}; identity honours it and {present.kid}",
        f"Restart {service}, then run this again with --finish.",
    ]


def _write_secret(path: Path, text: str) -> None:
    """Replace a file whole: a process that reads it meanwhile finds the one or the other."""
    beside = path.with_name(path.name + ".new")
    beside.touch(mode=0o600)
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _as_identity(context: Context) -> "Identity":
    from identity.context import Identity

    assert isinstance(context, Identity)  # noqa: S101 - narrows the type of a context that was found by name
    return context


def _identity(context: Context, emergency: bool) -> list[str]:
    from identity.operations import keys

    return keys.rotate_keys(_as_identity(context), actor=ACTOR, emergency=emergency) or ["a new key is published and waits for its time"]


def _pay(context: Context, _emergency: bool) -> list[str]:
    from pay.context import Pay
    from pay.operations.receipt_keys import replace_key

    assert isinstance(context, Pay)  # noqa: S101 - as above
    return [f"receipts are signed with the certificate {replace_key(context, actor=ACTOR)} from now on; older ones stay published"]


def _wallet(context: Context, _emergency: bool) -> list[str]:
    from wallet.context import Wallet
    from wallet.operations.keys import USES, make_key, rotate_key

    assert isinstance(context, Wallet)  # noqa: S101 - as above
    done = []
    for use in USES:
        signs = rotate_key(context, use, actor=ACTOR)
        done.append(
            f"{use}: {signs} signs from now on" if signs else f"{use}: {make_key(context, use, actor=ACTOR)} is published and waits"
        )
    return done


def _notify(_context: Context, _emergency: bool) -> list[str]:
    return ["notify signs nothing but its audit log"]


_SIGNING: dict[str, Callable[[Context, bool], list[str]]] = {"identity": _identity, "notify": _notify, "pay": _pay, "wallet": _wallet}


def _published(context: Context) -> list[str]:
    return [f"{stored.alg} {stored.state} {stored.kid}" for stored in _as_identity(context).keys.published()]


def _receipts(context: Context) -> list[str]:
    from sqlalchemy import select

    from pay.models.receipt import receipt_keys
    from pay.standards.certificates import fingerprint

    with context.reading() as tx:
        return [
            fingerprint(der)
            for der in tx.connection.execute(select(receipt_keys.c.certificate).order_by(receipt_keys.c.id.desc())).scalars()
        ]


def _uses(context: Context) -> list[str]:
    from sqlalchemy import select

    from wallet.models.signing_key import SigningKey

    with context.reading() as tx:
        rows = tx.connection.execute(select(SigningKey.use, SigningKey.state, SigningKey.kid).order_by(SigningKey.created_at)).all()
    return [f"{row.use} {row.state} {row.kid}" for row in rows]


def _none(_context: Context) -> list[str]:
    return []


_SHOWN: dict[str, Callable[[Context], list[str]]] = {"identity": _published, "notify": _none, "pay": _receipts, "wallet": _uses}
