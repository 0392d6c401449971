"""What a person may be given to do for another: the closed list of powers (RP-4).  Spec: identity-oidc §4.1."""

from collections.abc import Collection, Mapping

from shared.web.words import gettext_noop

SIGN, READ, PAY, RECEIVE, MANAGE = "sign", "read", "pay", "receive", "manage"
WORDS: Mapping[str, str] = {
    READ: gettext_noop("See data and how a matter stands"),
    SIGN: gettext_noop("Make and sign applications"),
    PAY: gettext_noop("Pay and receive money"),
    RECEIVE: gettext_noop("Receive letters and decisions"),
    MANAGE: gettext_noop("Give permissions in its name, and end them"),
}
"""Each power with the words that people read."""
POWERS = tuple(WORDS)


def known(powers: Collection[str]) -> tuple[str, ...]:
    """Return the powers of the list among some words, in the order of the list."""
    return tuple(power for power in POWERS if power in powers)
