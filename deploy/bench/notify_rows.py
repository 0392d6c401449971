"""Many messages of one service, spread over the days for which it keeps them, written in bulk so that lists can be measured over them."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import select

from deploy.errors import CannotStart
from notify.context import Notify
from notify.models.base import scope_of
from notify.models.days import make_days
from notify.models.service import ApiKey

STEP = 100_000
PEOPLE = 1_000
DAYS = 6.5
"""Within the seven for which a new service keeps its messages."""

_PEOPLE = "CREATE TEMPORARY TABLE people (place int PRIMARY KEY, channel text, template_id uuid, sealed bytea, recipient_index bytea)"
# One of a hundred failed, one of a thousand is a letter; ids are made of the moment, as ours are.
_ROWS = """
INSERT INTO notifications (id, service_id, api_key_id, key_kind, channel, template_id, template_version, status, reference, sealed,
  recipient_index, rate_multiplier, international, billable_units, attempts, provider, provider_reference, created_at, sent_at, updated_at)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(hash, 1, 3) || '8' || substr(hash, 4, 15))::uuid,
  %(service)s, %(key)s, 'normal', p.channel, p.template_id, 1,
  CASE WHEN p.channel = 'letter' THEN 'delivered' WHEN n %% 100 = 0 THEN 'permanent-failure' WHEN n %% 100 = 1 THEN 'temporary-failure'
    ELSE 'delivered' END,
  'REF-' || n, p.sealed, p.recipient_index, 1, false, 1, 1, 'sink', hash, at, at + interval '2 seconds', at + interval '4 seconds'
FROM (SELECT n, md5(n::text) AS hash, %(newest)s::timestamptz - n * %(apart)s::interval AS at
      FROM generate_series(%(first)s::bigint, %(last)s::bigint) n) made
JOIN people p ON p.place = made.n %% %(people)s
"""


def fill(notify: Notify, database_url: str, service_id: uuid.UUID, templates: Mapping[str, str], count: int, *, newest: datetime) -> None:
    """Write `count` messages that have ended, over the days before `newest`.  Raises: CannotStart."""
    with notify.db.begin() as connection:
        make_days(connection, (notify.clock.now() - timedelta(days=7)).date())
        wanted = select(ApiKey.id).where(ApiKey.service_id == service_id, ApiKey.kind == "normal")
        key_id = connection.execute(wanted).scalar()
    if key_id is None:
        raise CannotStart("the service has no live key")
    apart = timedelta(days=DAYS) / max(1, count)
    with psycopg.connect(database_url) as raw:
        raw.execute("SET statement_timeout = 0")
        raw.execute(_PEOPLE)
        with raw.cursor() as cursor, cursor.copy("COPY people FROM STDIN") as copy:
            for number in range(PEOPLE):
                copy.write_row(_person(notify, service_id, templates, number))
        raw.commit()
        names: dict[str, Any] = {"service": service_id, "key": key_id, "newest": newest, "apart": apart, "people": PEOPLE}
        for first in range(1, count + 1, STEP):
            raw.execute(_ROWS, names | {"first": first, "last": min(count, first + STEP - 1)})
            raw.commit()
        raw.autocommit = True
        raw.execute("ANALYZE notifications")


def _person(notify: Notify, service_id: uuid.UUID, templates: Mapping[str, str], number: int) -> tuple[object, ...]:
    channel = "letter" if number == 0 else "sms" if number % 5 < 3 else "email"
    to = {"letter": "Rosa Ñanco", "sms": f"+569{90_000_000 + number}", "email": f"p{number}@example.com"}[channel]
    values = {"name": "Camila", "reference": "A-1", "amount": "$3.500", "date": "21 de noviembre de 2026"}
    if channel == "letter":
        values |= {"address_line_1": to, "address_line_2": "Los Aromos 12", "postcode": "SW1A 1AA"}
    matched = to.lstrip("+").lower()
    sealed = notify.cipher.encrypt(
        json.dumps({"to": to, "matched": matched, "values": values, "unsubscribe_url": None}), scope=scope_of(service_id)
    )
    return number, channel, templates[channel], sealed, notify.catalogue.index(matched)
