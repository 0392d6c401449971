"""What notify and pay rest on beside their engines, as `andamio doctor` looks at it: mail relays, the bucket, what looks into files."""

import contextlib
from collections.abc import Iterator

from deploy.install.finding import Finding
from notify.context import Notify
from notify.operations.receipt_secrets import Source, list_tellers
from notify.providers.base import ProviderUnavailable
from notify.providers.smtp import SmtpEmail
from notify.settings import Settings as NotifySettings
from pay.settings import PaySettings
from shared.ids import SystemIds
from shared.s3 import BucketAway
from shared.virus_scan import TEST_FILE, ClamdScanner, ScannerAway


def scanner(settings: NotifySettings | PaySettings) -> Iterator[Finding]:
    """Whether the clamd that is set answers, and knows the file by which scanners are tried."""
    if not settings.clamd_address:
        return
    try:
        knows = not ClamdScanner(settings.clamd_address).is_clean(TEST_FILE)
    except (ScannerAway, ValueError) as fault:
        yield Finding("fault", f"The clamd does not answer ({fault}), so files are refused: check …_CLAMD_ADDRESS, which is `host:port`.")
        return
    if knows:
        yield Finding("ok", "The clamd answers and knows the scanners' test file.")
    else:
        yield Finding("warning", "The clamd finds nothing in the scanners' test file: has it its signatures?")


def bucket(settings: NotifySettings) -> Iterator[Finding]:
    """Whether the bucket for files takes one and gives it back."""
    store, name = Notify(settings, "notify").bucket, f"doctor/{SystemIds().uuid7()}"
    if store is None:
        return
    try:
        store.put(name, b"andamio doctor")
        is_same = store.get(name) == b"andamio doctor"
        store.delete([name])
    except BucketAway as fault:
        yield Finding("fault", f"The bucket for files cannot be used ({fault}): check NOTIFY_FILES_… and NOTIFY_OUTBOUND_PRIVATE_HOSTS.")
        return
    yield Finding("ok" if is_same else "fault", f"The bucket for files {'takes and gives' if is_same else 'does not give back'} a file.")


def mail(settings: NotifySettings) -> Iterator[Finding]:
    """Whether each mail relay lets us in, as far as that can be seen without a mail."""
    with contextlib.closing(Notify(settings, "notify")) as notify:
        for route in notify.email_routes:
            if isinstance(route.provider, SmtpEmail):
                try:
                    route.provider.greet()
                except ProviderUnavailable as fault:
                    said = f"The mail relay {route.name} does not let us in ({fault}), so e-mails wait: check NOTIFY_SMTP_…."
                    yield Finding("warning", said)
                else:
                    yield Finding("ok", f"The mail relay {route.name} lets us in.")


def shared_secret(settings: NotifySettings) -> Iterator[Finding]:
    """Which providers prove what they say of messages by a secret that others have too."""
    from sqlalchemy.exc import SQLAlchemyError

    if not settings.receipt_secret:
        return
    with contextlib.closing(Notify(settings, "notify")) as notify:
        try:
            sharing = [teller for teller in list_tellers(notify) if teller.source is Source.SHARED]
        except SQLAlchemyError:  # away or not migrated yet, which is told beside this
            return
    for teller in sharing:
        command = f"flask --app notify.app notify give-receipt-secret {teller.channel} {teller.provider}"
        yield Finding(
            "warning",
            f"{teller.provider} ({teller.channel}) proves its receipts by NOTIFY_RECEIPT_SECRET, with which it could speak for others: "
            f"give it its own at /providers/secrets, or by `{command}`.",
        )
    if not sharing:
        yield Finding("ok", "Each provider proves its receipts by a secret of its own: NOTIFY_RECEIPT_SECRET may go after a week.")
