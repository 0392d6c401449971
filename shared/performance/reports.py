"""Read the counts and make the published rows of them: days by channel, months of all channels; and keep what a month cost."""

from collections import defaultdict
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from shared.context import Context
from shared.performance.figures import NOT_DIGITAL, Cost, Figures, Tally, month_of, publish, total
from shared.performance.tables import performance_days, satisfaction_days, service_costs

DAYS, MONTHS = 31, 13
ALL = "all"


class Key(NamedTuple):
    """What one tally is about."""

    period: date
    service: str
    product: str
    channel: str


def days(context: Context) -> list[Figures]:
    """Return the published rows of the last days, newest first."""
    since = context.clock.now().date() - timedelta(days=DAYS - 1)
    with context.listing() as tx:
        tallies, names = _tallies(tx.connection, since)
    return [_publish(context, key, tally, names, period=key.period.isoformat()) for key, tally in _sorted(tallies)]


def months(context: Context) -> list[Figures]:
    """Return the published rows of the last months, all channels together, newest first."""
    since = month_of(context.clock.now().date())
    for _ in range(MONTHS - 1):
        since = month_of(since - timedelta(days=1))
    with context.listing() as tx:
        tallies, names = _tallies(tx.connection, since)
        costs = _costs(tx.connection, since)
    summed: dict[Key, Tally] = defaultdict(Tally)
    for key, tally in tallies.items():
        summed[key._replace(period=month_of(key.period), channel=ALL)].add(tally)
    return [
        _publish(context, key, tally, names, period=f"{key.period:%Y-%m}", cost=costs.get((key.period, key.service, key.product)))
        for key, tally in _sorted(summed)
    ]


def summary(context: Context) -> Figures:
    """Return the figures of all services, products and channels of the last days together."""
    since = context.clock.now().date() - timedelta(days=DAYS - 1)
    with context.listing() as tx:
        tallies, _ = _tallies(tx.connection, since)
    key = Key(since, ALL, ALL, ALL)
    return _publish(context, key, total(tallies.values()), {ALL: ""}, period=since.isoformat())


def keep_cost(connection: Connection, *, month: date, service: str, product: str, cost: Cost) -> None:
    """Keep what a product cost its service in a month; a later figure replaces an earlier one."""
    row = {"month": month_of(month), "service": service, "product": product, "amount_minor": cost.amount_minor, "currency": cost.currency}
    changed = {"amount_minor": cost.amount_minor, "currency": cost.currency}
    connection.execute(
        insert(service_costs).values(row).on_conflict_do_update(index_elements=["month", "service", "product"], set_=changed)
    )


def known_services(connection: Connection) -> dict[str, str]:
    """Return the services that were counted, by id, with their newest name."""
    table = performance_days.c
    rows = connection.execute(select(table.service, table.service_name).order_by(table.day))
    return {row.service: row.service_name for row in rows}


def _publish(context: Context, key: Key, tally: Tally, names: dict[str, str], *, period: str, cost: Cost | None = None) -> Figures:
    return publish(
        tally,
        base=context.settings.open_data_base,
        component=context.service,
        period=period,
        names={"service": key.service, "service_name": names.get(key.service, "")},
        product=key.product,
        channel=key.channel,
        cost=cost,
    )


def _sorted(tallies: dict[Key, Tally]) -> list[tuple[Key, Tally]]:
    by_name = sorted(tallies.items(), key=lambda item: item[0][1:])
    return sorted(by_name, key=lambda item: item[0].period, reverse=True)


def _tallies(connection: Connection, since: date) -> tuple[dict[Key, Tally], dict[str, str]]:
    tallies: dict[Key, Tally] = {}
    names: dict[str, str] = {}
    counted = performance_days
    for row in connection.execute(select(counted).where(counted.c.day >= since).order_by(counted.c.day)):
        digital = 0 if row.channel in NOT_DIGITAL else row.started
        key = Key(row.day, row.service, row.product, row.channel)
        tallies[key] = Tally(row.started, row.completed, row.failed, row.avoidable, digital)
        names[row.service] = row.service_name
    for row in connection.execute(select(satisfaction_days).where(satisfaction_days.c.day >= since)):
        tallies.setdefault(Key(row.day, row.service, row.product, row.channel), Tally()).marks[row.mark] = row.answers
    return tallies, names


def _costs(connection: Connection, since: date) -> dict[tuple[date, str, str], Cost]:
    rows = connection.execute(select(service_costs).where(service_costs.c.month >= since))
    return {(row.month, row.service, row.product): Cost(row.amount_minor, row.currency) for row in rows}
