"""What identity counts for open data: sign-ins by service and channel, and activations at a counter.  Spec: SH-2, SH-5, SH-16."""

from collections.abc import Mapping

from sqlalchemy import text

from shared.web.words import gettext_noop

PRODUCTS: Mapping[str, str] = {
    "sign-in": gettext_noop("signing in"),
    "activation": gettext_noop("getting the account"),
    "recovery": gettext_noop("getting back into the account"),
    "assistance": gettext_noop("the help of our staff"),
}
COUNT = text("""
SELECT s.service_id AS service, s.name AS service_name, 'sign-in' AS product, 'web' AS channel, count(*) AS started,
    count(*) FILTER (WHERE i.state = 'finished') AS completed,
    count(*) FILTER (WHERE i.state IN ('refused', 'expired') OR (i.state <> 'finished' AND i.expires_at <= :now)) AS failed,
    0 AS avoidable
FROM interactions i JOIN clients c ON c.id = i.client_id JOIN services s ON s.id = c.service_id
WHERE i.created_at >= :start AND i.created_at < :end AND i.expires_at >= :start AND (s.stage = 'live' OR :trial)
GROUP BY 1, 2
UNION ALL
SELECT s.service_id, s.name, 'sign-in', CASE r.kind WHEN 'ciba' THEN 'phone' ELSE 'device' END, count(*),
    count(*) FILTER (WHERE r.state = 'redeemed'),
    count(*) FILTER (WHERE r.state IN ('denied', 'expired') OR (r.state = 'pending' AND r.expires_at <= :now)), 0
FROM remote_requests r JOIN clients c ON c.id = r.client_id JOIN services s ON s.id = c.service_id
WHERE r.created_at >= :start AND r.created_at < :end AND (s.stage = 'live' OR :trial)
GROUP BY 1, 2, 4
UNION ALL
SELECT 'identity', 'Andamio', 'activation', 'counter', count(*),
    count(*) FILTER (WHERE state = 'used'),
    count(*) FILTER (WHERE state IN ('cancelled', 'blocked') OR (state <> 'used' AND expires_at <= :now)), 0
FROM activation_codes WHERE created_at >= :start AND created_at < :end HAVING count(*) > 0
UNION ALL
SELECT 'identity', 'Andamio', 'recovery', 'web', count(*), count(*) FILTER (WHERE state = 'done'),
    count(*) FILTER (WHERE state = 'cancelled' OR (state <> 'done' AND expires_at <= :now)), count(*)
FROM recoveries WHERE created_at >= :start AND created_at < :end HAVING count(*) > 0
UNION ALL
SELECT 'identity', 'Andamio', 'assistance', CASE channel WHEN 'telephone' THEN 'phone' ELSE 'counter' END, count(*),
    count(*) FILTER (WHERE opened_at IS NOT NULL AND state IN ('closed', 'expired')),
    count(*) FILTER (WHERE state IN ('refused', 'objected') OR (opened_at IS NULL AND state IN ('closed', 'expired'))), 0
FROM assisted_sessions WHERE created_at >= :start AND created_at < :end GROUP BY 4
""")
"""A recovery is a contact that need not have been: it counts as avoidable."""
