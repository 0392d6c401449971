"""Providers in the console, for who runs the suite: their share, and the secrets by which they prove receipts.  Spec: notify-api §20."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from notify.context import Notify
from notify.operations.receipt_addresses import has_secret
from notify.standards.statuses import Channel
from tests.factories.notify import RECEIPT_SECRET, World, add_notification
from tests.factories.notify_console import actions, soup, submit


@pytest.mark.rule("notify", "§20")
def test_providers_are_for_the_operator_who_gives_them_their_share(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    assert team("owner").get("/providers").status_code == 403
    operator = team("operator")
    add_notification(world, "sms", status="delivered", provider="gateway", sent_at=notify.clock.now())
    rows = [[cell.text for cell in row.select("th, td")][:5] for row in soup(operator.get("/providers?lang=en")).select("tbody tr")]
    assert ["gateway", "Text message", "1", "1", "0"] in rows
    assert submit(operator, "/providers/sms/gateway", {"weight": "0"}, page="/providers").status_code == 303
    assert notify.catalogue.provider_weights("sms") == {"gateway": 0}
    assert "Detenido" in operator.get("/providers?lang=es").text
    for weight in ("-1", "x", "1001"):
        assert submit(operator, "/providers/sms/gateway", {"weight": weight}, page="/providers").status_code == 400
    assert submit(operator, "/providers/sms/other", {"weight": "1"}, page="/providers").status_code == 404


@pytest.mark.rule("notify", "§19")
def test_a_providers_secret_is_shown_once_and_the_one_before_ends_when_the_operator_says(
    team: Callable[..., FlaskClient], notify: Notify
) -> None:
    path, form = "/providers/secrets", {"channel": "sms", "provider": "gateway"}
    assert team("owner").get(path).status_code == 403
    operator = team("operator")
    assert "Compartido con otros" in operator.get(path).text
    shown = soup(submit(operator, path, form | {"give": "1"})).select_one("#new-secret")
    assert shown is not None
    again = operator.get(path).text
    assert (shown.text in again, "el anterior vale hasta el" in again) == (False, True)
    assert submit(operator, path, form | {"end": "1"}).status_code == 303
    assert "el anterior vale hasta el" not in operator.get(path).text
    assert [has_secret(notify, secret, Channel.SMS, "gateway") for secret in (shown.text, RECEIPT_SECRET)] == [True, False]
    for wrong in ({}, {"channel": "sms", "provider": "nobody"}, {"channel": "sms\x00", "provider": "gateway"}):
        for button in ("give", "end"):
            assert submit(operator, path, wrong | {button: "1"}).status_code == 404
    given = submit(operator, path, {"channel": "email", "provider": "mail-report", "give": "1"})
    assert "El secreto nuevo de informes de correos." in given.text
    assert any("receipt_secret:given" in core and "staff:staff-1" in core for core in actions(notify))
