"""Where weaknesses are told."""

from datetime import datetime, timedelta

from flask.testing import FlaskClient

from shared.clock import FixedClock


def test_the_well_known_address_leads_to_a_text_that_is_not_out_of_date(client: FlaskClient, clock: FixedClock) -> None:
    """RFC 9116: Contact and Expires are there, Expires is less than a year ahead."""
    answer = client.get("/.well-known/security.txt", follow_redirects=True)
    assert answer.content_type == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in answer.get_data(as_text=True).splitlines())
    assert fields["Contact"].startswith("tel:")
    assert timedelta(0) < datetime.fromisoformat(fields["Expires"]) - clock.now() < timedelta(days=365)
    assert fields["Canonical"].endswith("/.well-known/security.txt")
