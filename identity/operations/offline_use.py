"""What services fetched while the person was away, told once a day instead of each time (§3.10)."""

from datetime import timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.engine import Row

from identity.context import Identity
from identity.models.client_store import CLIENTS, ORGANISATIONS, SERVICES
from identity.models.history import What
from identity.operations import guards, history
from identity.operations.issuing import GRANTS, TOKENS
from identity.standards.yes_no import begin_of_day, day_in_chile

MARK_KEPT = timedelta(days=3)


def summarise(identity: Identity) -> int:
    """Note in the history of each person how often a service renewed its access yesterday; return how many rows, a repeat none.

    Each renewal left an access token, whose row stays for a day after its end; the first token of a grant is the sign-in's own.
    """
    now = identity.clock.now()
    today = day_in_chile(now)
    yesterday = today - timedelta(days=1)
    begin, end = begin_of_day(yesterday), begin_of_day(today)
    is_new = and_(GRANTS.c.created_at >= begin, GRANTS.c.created_at < end)
    firsts = func.count(GRANTS.c.id.distinct()).filter(is_new)
    columns = (GRANTS.c.person_id, SERVICES.c.name.label("service"), ORGANISATIONS.c.name.label("organisation"))
    joined = TOKENS.join(GRANTS, GRANTS.c.id == TOKENS.c.grant_id).join(CLIENTS, CLIENTS.c.id == GRANTS.c.client_id)
    joined = joined.join(SERVICES, SERVICES.c.id == CLIENTS.c.service_id).join(
        ORGANISATIONS, ORGANISATIONS.c.id == SERVICES.c.organisation_id
    )
    query = select(*columns, (func.count() - firsts).label("times")).select_from(joined).group_by(*columns)
    query = query.where(GRANTS.c.offline, TOKENS.c.created_at >= begin, TOKENS.c.created_at < end)
    with identity.transaction() as tx:
        if not guards.spend(tx.connection, f"offline-use|{yesterday}", now + MARK_KEPT):
            return 0
        rows: list[Row[tuple[object, ...]]] = [row for row in tx.connection.execute(query) if row.times > 0]
        for row in rows:
            told = {"service": row.service, "organisation": row.organisation, "channel": "api", "times": str(row.times)}
            history.note(identity, tx, row.person_id, What.RENEWED, {**told, "day": yesterday.isoformat()})
    return len(rows)
