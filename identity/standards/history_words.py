"""What a person reads for each kind of event in their history."""

from collections.abc import Mapping

from shared.web.words import gettext_noop

WORDS: Mapping[str, str] = {
    "activation-issued": gettext_noop("A code to activate the account was given out"),
    "activation-used": gettext_noop("The account was activated"),
    "login": gettext_noop("You signed in"),
    "login-failed": gettext_noop("Somebody had the password but not the second proof"),
    "login-blocked": gettext_noop("Somebody tried wrong passwords and was stopped"),
    "unblocked": gettext_noop("Signing in is possible again"),
    "step-up": gettext_noop("You proved again who you are"),
    "logout": gettext_noop("You signed out"),
    "consent-given": gettext_noop("You let a service have data"),
    "consent-withdrawn": gettext_noop("You ended what a service may have"),
    "authenticator-added": gettext_noop("A way to sign in was added"),
    "authenticator-removed": gettext_noop("A way to sign in was removed"),
    "password-changed": gettext_noop("The password was changed"),
    "recovery-codes-made": gettext_noop("Recovery codes were made"),
    "recovery-code-used": gettext_noop("A recovery code was used"),
    "message-code-held": gettext_noop("A code was not sent: the card of your telephone was changed lately"),
    "contact-added": gettext_noop("A contact was changed"),
    "recovery-started": gettext_noop("Somebody asked to recover the account"),
    "recovery-cancelled": gettext_noop("The recovery was stopped"),
    "recovery-done": gettext_noop("The account was recovered"),
    "session-closed": gettext_noop("A device was signed out"),
    "sign-in-refused": gettext_noop("You said no to a sign-in on another device"),
    "disowned": gettext_noop("You said that something was not you"),
    "mandate-made": gettext_noop("Acting for others: a permission began"),
    "mandate-ended": gettext_noop("Acting for others: a permission ended"),
    "mandate-used": gettext_noop("Acting for others: a permission was used"),
    "assisted": gettext_noop("An agent helped you"),
    "reuse-detected": gettext_noop("Access of a service was ended, since somebody used a copy of it"),
    "access-renewed": gettext_noop("A service renewed its access while you were away"),
    "data-changed": gettext_noop("The civil registry changed your data"),
}


def words_of(kind: str) -> str:
    """Return the English words of a kind of event, to be translated."""
    return WORDS[kind]
