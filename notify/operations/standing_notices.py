"""Tell the operator, and who of the team is to be told of problems, that a service was warned or paused."""

import uuid
from datetime import datetime
from html import escape

from notify.context import Notify
from notify.events import Event
from notify.models.standing import Standing
from notify.operations.notice_addresses import whom_to_tell
from notify.operations.standing import StandingShown, show_standing
from notify.providers.base import ProviderRefused, RecipientRefused
from notify.standards.mime import Mail
from shared.web import gettext, speaking
from shared.web.words import DEFAULT_LANGUAGE


def tell_of_standing(notify: Notify, service_id: uuid.UUID, since: datetime) -> int:
    """Write to all of them, if the service still stands where it did; give how many were told.  Raises: ProviderUnavailable."""
    shown = show_standing(notify, service_id)
    if shown.state is Standing.GOOD or shown.since != since:
        return 0
    told = 0
    for to in sorted({notify.settings.operator_email, *whom_to_tell(notify, service_id)} - {""}):
        try:
            notify.email.send(_mail(notify, shown, to))
        except (RecipientRefused, ProviderRefused):
            continue
        told += 1
    with notify.transaction() as tx:
        data: dict[str, str | int | bool | list[str]] = {"state": shown.state.value, "told": told}
        tx.record(Event.STANDING_TOLD, actor="notify", object_id=str(service_id), channel="job", data=data)
    return told


def _mail(notify: Notify, shown: StandingShown, to: str) -> Mail:
    """Say it in the operator's language; the reference is the same each time, so that a repeat is known."""
    name, measured = shown.service_name, shown.measured
    with speaking(DEFAULT_LANGUAGE):
        if shown.state is Standing.PAUSED:
            subject = gettext("The e-mails of %(service)s are paused", service=name)
            first = gettext("The e-mails of %(service)s do not go out any more until who runs the suite lets them.", service=name)
        else:
            subject = gettext("Many e-mails of %(service)s do not arrive", service=name)
            first = gettext("If it goes on, the e-mails of %(service)s will be paused.", service=name)
        figures = gettext(
            "In one day it sent %(mails)s e-mails: %(bounces)s to addresses that do not exist; %(complaints)s were called unwanted.",
            mails=measured.mails,
            bounces=measured.bounces,
            complaints=measured.complaints,
        )
        link = f"{notify.settings.admin_url or notify.settings.public_url}/services/{shown.service_id}/standing"
        advice = gettext("Check where your list of addresses comes from. What to do stands here: %(url)s", url=link)
    lines = [first, figures, advice]
    return Mail(
        reference=str(uuid.uuid5(shown.service_id, f"{shown.since}{to}")),
        to=to,
        from_name=notify.settings.operator_name,
        from_address=f"notify@{notify.settings.email_domain}",
        subject=subject,
        plain_text="\n\n".join(lines),
        html="".join(f"<p>{escape(line)}</p>" for line in lines),
        sent_at=notify.clock.now(),
    )
