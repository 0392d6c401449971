"""What notify counts for open data: messages by service and channel.  Spec: SH-2, SH-5."""

from collections.abc import Mapping

from sqlalchemy import text

from shared.web.words import gettext_noop

PRODUCTS: Mapping[str, str] = {"message": gettext_noop("a message"), "file": gettext_noop("a file")}
COUNT = text("""
SELECT CAST(s.id AS text) AS service, s.name AS service_name, 'message' AS product, n.channel, count(*) AS started,
    count(*) FILTER (WHERE n.status = 'delivered' OR (n.channel = 'letter' AND n.status = 'sent')) AS completed,
    count(*) FILTER (WHERE n.status LIKE '%failure' OR n.status IN ('validation-failed', 'virus-scan-failed', 'returned-letter')) AS failed,
    0 AS avoidable
FROM notifications n JOIN services s ON s.id = n.service_id
WHERE n.id >= CAST(lpad(to_hex(CAST(extract(epoch FROM CAST(:start AS timestamptz)) * 1000 AS bigint)), 12, '0') || repeat('0', 20) AS uuid)
    AND n.id < CAST(lpad(to_hex(CAST(extract(epoch FROM CAST(:end AS timestamptz)) * 1000 AS bigint)), 12, '0') || repeat('0', 20) AS uuid)
    AND n.key_kind = 'normal' AND n.status <> 'cancelled'
    AND (NOT s.restricted OR :trial)
GROUP BY 1, 2, 4
""")
"""Ids are made of the moment, so their bounds choose the table of the day."""
