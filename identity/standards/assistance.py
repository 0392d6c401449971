"""What agents may be let do for a person, and what never (AS-4, AS-7, AS-9).  Spec: identity-oidc §4.2."""

from collections.abc import Collection, Mapping

from identity.standards.acr import NS
from shared.web.words import gettext_noop

SCOPE, PROOF_CLAIM, CLAIM = "assist", NS + "assist_proof", NS + "assist"
"""The scope by which a service's counter asks; by what the person agreed; and session, actions and end."""
INFORMATION, DRAFT, SUBMIT, PAY = "information", "draft", "submit", "pay"
WORDS: Mapping[str, str] = {
    INFORMATION: gettext_noop("Give information about the person's matters"),
    DRAFT: gettext_noop("Prepare an application that the person sends"),
    SUBMIT: gettext_noop("Send an application"),
    PAY: gettext_noop("Make a payment"),
}
"""The actions that can be let; a change of credentials or contacts, a mandate, or reading the history never is."""
ACTIONS = tuple(WORDS)
USUAL = (INFORMATION, DRAFT)
"""What a service lets agents do unless its team says otherwise (AS-9), and the most that a helper may do (AS-7)."""


def allowed(asked: Collection[str], *, by_service: Collection[str], is_helper: bool) -> tuple[str, ...]:
    """Return the actions among those asked that the service lets agents do, and helpers where it is one."""
    most = set(by_service) & set(USUAL if is_helper else ACTIONS)
    return tuple(action for action in ACTIONS if action in asked and action in most)
