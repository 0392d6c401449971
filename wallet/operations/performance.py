"""What the wallet counts for open data: decisions of persons, and exchanges at the gate.  Spec: SH-2, SH-5, SH-16."""

from collections.abc import Mapping

from sqlalchemy import text

from shared.web.words import gettext_noop

PRODUCTS: Mapping[str, str] = {
    "decision": gettext_noop("deciding who may see your data"),
    "withdrawal": gettext_noop("ending a permission"),
    "exchange": gettext_noop("a fact fetched instead of a paper"),
}
COUNT = text("""
SELECT o.org_id AS service, o.name AS service_name, 'decision' AS product, 'web' AS channel, count(*) AS started,
    count(*) FILTER (WHERE i.state IN ('accepted', 'refused')) AS completed,
    count(*) FILTER (WHERE i.state IN ('cancelled', 'expired', 'invalidated') OR (i.decided_at IS NULL AND i.expires_at <= :now)) AS failed,
    0 AS avoidable
FROM consent_requests r JOIN consent_request_items i ON i.request = r.id JOIN organisations o ON o.org_id = r.org_id
WHERE r.created_at >= :start AND r.created_at < :end GROUP BY 1, 2
UNION ALL
SELECT o.org_id, o.name, 'exchange', 'api', count(*), count(*) FILTER (WHERE e.state IN ('released', 'no_record', 'previewed')),
    count(*) FILTER (WHERE e.state IN ('denied', 'failed')), 0
FROM exchanges e JOIN clients c ON c.client_id = e.client_id JOIN organisations o ON o.org_id = c.org_id
WHERE e.created_at >= :start AND e.created_at < :end AND e.state <> 'minted' GROUP BY 1, 2
UNION ALL
SELECT o.org_id, o.name, 'exchange', 'paper', count(*), count(*), 0, count(*)
FROM asked_again a JOIN organisations o ON o.org_id = a.org_id WHERE a.reported_at >= :start AND a.reported_at < :end GROUP BY 1, 2
""")
"""A fact that a body asked a person for although another holds it: on paper, and avoidable."""
