"""What an operator asks of a running suite: are the logs whole, what did not get through, which settings are there."""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from deploy.errors import CannotStart
from deploy.services import SERVICES
from deploy.serving import create_context, settings_class
from shared import outbox
from shared.audit.report import Report
from shared.audit.verify import verify
from shared.audit.witness import find_witnessed
from shared.context import Context
from shared.files import FileGone
from shared.performance import reports
from shared.performance.figures import Cost
from shared.s3 import BucketAway
from shared.settings import Described, describe

if TYPE_CHECKING:
    from pay.operations.proofs import Proof


def verify_logs(services: Sequence[str]) -> dict[str, Report]:
    """Recompute the log of each service, held against what the other services saw of it."""
    contexts = {service: create_context(service) for service in SERVICES}
    try:
        return {
            service: verify_log(contexts[service], [other for name, other in contexts.items() if name != service]) for service in services
        }
    finally:
        for context in contexts.values():
            context.close()


def verify_log(context: Context, peers: Iterable[Context], *, seen: Sequence[tuple[str, str]] = ()) -> Report:
    """Recompute one log, held against what its peers witnessed and against other (who saw it, checkpoint) pairs."""
    seen = list(seen)
    for peer in peers:
        with peer.reading() as tx:
            note = find_witnessed(tx.connection, context.audit_signer.origin)
        if note is not None:
            seen.append((peer.service, note))
    with context.db.begin() as connection:  # cursors on the server need a transaction
        newest, *earlier = context.audit_keys
        report = verify(connection, newest, cipher=context.cipher, peers_witnessed=seen, earlier_keys=earlier)
        if context.service == "wallet":
            from wallet.operations.bulk_people import verify_people

            verify_people(connection, context.cipher, report)
        return report


def dead_jobs(service: str) -> list[dict[str, object]]:
    """The jobs that were given up, oldest first, without their payload: that may be about a person."""
    context = create_context(service)
    try:
        with context.reading() as tx:
            return [vars(job) | {"created_at": job.created_at.isoformat()} for job in outbox.list_dead(tx.connection)]
    finally:
        context.close()


def replay_jobs(service: str, ids: Sequence[int]) -> int:
    """Make dead jobs wait again, the named ones or all; how many."""
    context = create_context(service)
    try:
        with context.db.begin() as connection:
            return outbox.replay(connection, context.clock.now(), row_ids=ids or None)
    finally:
        context.close()


def drop_jobs(service: str, ids: Sequence[int]) -> int:
    """Delete dead jobs for good, the named ones alone; how many."""
    context = create_context(service)
    try:
        with context.db.begin() as connection:
            return outbox.drop(connection, ids)
    finally:
        context.close()


def settings_of(services: Sequence[str]) -> dict[str, list[Described]]:
    """All settings of the services."""
    return {service: describe(settings_class(service), service) for service in services}


def keep_cost(component: str, service: str, product: str, *, month: str, cost: Cost) -> str:
    """Keep what a product cost a public service in a month; return that service's name.  Raises: CannotStart."""
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", month):
        raise CannotStart("A month is written YYYY-MM.")
    if cost.amount_minor < 0 or not re.fullmatch("[A-Z]{3}", cost.currency):
        raise CannotStart("A cost is 0 or more, in a currency of three letters.")
    context = create_context(component)
    try:
        with context.db.begin() as connection:
            known = reports.known_services(connection)
            if service not in known:
                raise CannotStart(f"{component} has counted nothing for a service {service}: its /performance.json lists those it knows.")
            day = date.fromisoformat(month + "-01")
            reports.keep_cost(connection, month=day, service=service, product=product, cost=cost)
        return known[service]
    finally:
        context.close()


def move_files() -> dict[str, int]:
    """Move notify's files to where new ones are kept; give how many of each kind.  Raises: CannotStart."""
    from notify.context import Notify
    from notify.operations import files

    notify = create_context("notify")
    assert isinstance(notify, Notify)  # noqa: S101 - narrows the type of a module that was found by name
    try:
        return files.move_files(notify)
    except BucketAway as fault:
        raise CannotStart(f"Not all files are moved: {fault}. Run `andamio doctor`, then this again.") from None
    except FileGone as fault:
        raise CannotStart(f"The file {fault} is in no row and not in the bucket: restore the bucket, then run this again.") from None
    finally:
        notify.close()


def prove_books() -> "Proof":
    """Prove the books of pay; the result stands in its audit log."""
    from pay.context import Pay
    from pay.operations.proofs import prove_and_log

    context = create_context("pay")
    if not isinstance(context, Pay):
        raise TypeError("the context of pay is another one")
    try:
        return prove_and_log(context, actor="operator")
    finally:
        context.close()
