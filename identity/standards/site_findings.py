"""What the check of a team's site looks at, and how its findings are told.  Spec: identity-oidc §1.8, OpenID Connect Core §3.1.3.7."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from shared.web.words import gettext_noop


class Outcome(StrEnum):
    """How one line of the check came out."""

    PASSED = "passed"
    FAILED = "failed"
    ADVICE = "advice"
    NOT_TRIED = "not-tried"


OUTCOME_WORDS: Mapping[str, str] = {
    Outcome.PASSED: gettext_noop("In order"),
    Outcome.FAILED: gettext_noop("To mend"),
    Outcome.ADVICE: gettext_noop("Could be better"),
    Outcome.NOT_TRIED: gettext_noop("Could not be tried"),
}


class Seen(StrEnum):
    """What the site did."""

    AS_IT_SHOULD = "as-it-should"
    NO_ANSWER = "no-answer"
    OTHER_ADDRESS = "other-address"
    NOT_ASKED = "not-asked"
    ELSEWHERE = "elsewhere"
    REFUSED = "refused"
    NEEDS_MORE = "needs-more"
    MISSING = "missing"
    TWICE_THE_SAME = "twice-the-same"
    NOT_HTTPS = "not-https"
    OPEN_TO_ALL = "open-to-all"
    CODE_NOT_USED = "code-not-used"
    STILL_OUT = "still-out"
    LET_IN = "let-in"
    CODE_USED = "code-used"
    OWN_FAULT = "own-fault"
    STILL_IN = "still-in"
    NO_LOGOUT = "no-logout"
    SIGN_IN_FAILED = "sign-in-failed"
    NO_SIGN_OUT = "no-sign-out"


SEEN_WORDS: Mapping[str, str] = {
    Seen.AS_IT_SHOULD: "",
    Seen.NO_ANSWER: gettext_noop("The site did not answer: %(detail)s."),
    Seen.OTHER_ADDRESS: gettext_noop("This address is not on the site of a registered redirect address, so it was not opened."),
    Seen.NOT_ASKED: gettext_noop("The address answered without leading to our sign-in page (status %(detail)s)."),
    Seen.ELSEWHERE: gettext_noop("The address led to another site: %(detail)s."),
    Seen.REFUSED: gettext_noop("Our sign-in page refuses this request: %(detail)s."),
    Seen.NEEDS_MORE: gettext_noop("The request asks for something that only a person can give (%(detail)s)."),
    Seen.MISSING: gettext_noop("The request has none."),
    Seen.TWICE_THE_SAME: gettext_noop("Two visitors got the same one."),
    Seen.NOT_HTTPS: gettext_noop("The address does not begin with https."),
    Seen.OPEN_TO_ALL: gettext_noop("This page was shown to a visitor who had not signed in."),
    Seen.CODE_NOT_USED: gettext_noop("The site did not exchange the code for tokens."),
    Seen.STILL_OUT: gettext_noop("After a good sign-in the page was still not shown (status %(detail)s)."),
    Seen.LET_IN: gettext_noop("The site let the visitor in."),
    Seen.CODE_USED: gettext_noop("The site exchanged the code, although the answer was not for this visitor."),
    Seen.OWN_FAULT: gettext_noop("The site answered with a fault of its own (status %(detail)s). Tell the person what happened instead."),
    Seen.STILL_IN: gettext_noop("After signing out the page was still shown."),
    Seen.NO_LOGOUT: gettext_noop("The site forgot the visitor, but did not lead to our end_session_endpoint: with us the session goes on."),
    Seen.SIGN_IN_FAILED: gettext_noop("A good sign-in does not work yet, so this cannot be told."),
    Seen.NO_SIGN_OUT: gettext_noop("You named no address for signing out."),
}


@dataclass(frozen=True)
class Line:
    """One line of the check: what must be so, and how to mend it."""

    words: str
    mend: str


LINES: Mapping[str, Line] = {
    "asks": Line(
        gettext_noop("Signing in leads to our page, in the whole window"), gettext_noop("Redirect the browser to our sign-in page.")
    ),
    "tls": Line(gettext_noop("The site is on https"), gettext_noop("Serve the site with a certificate that browsers trust.")),
    "request": Line(
        gettext_noop("The request is in order: client, address, scope, PKCE"), gettext_noop("Compare the request with what is registered.")
    ),
    "state": Line(gettext_noop("Each visitor gets a state of their own"), gettext_noop("Make a new random state for each sign-in.")),
    "nonce": Line(gettext_noop("Each visitor gets a nonce of their own"), gettext_noop("Make a new random nonce for each sign-in.")),
    "pkce": Line(
        gettext_noop("Each visitor gets a PKCE challenge of their own"), gettext_noop("Make a new code_verifier for each sign-in.")
    ),
    "closed": Line(
        gettext_noop("The page is closed to who has not signed in"), gettext_noop("Name a page that only signed-in persons see.")
    ),
    "back-end": Line(
        gettext_noop("Tokens are fetched by the site's server, not in the browser"),
        gettext_noop("Call the token endpoint from your server."),
    ),
    "signs-in": Line(gettext_noop("A good sign-in opens the page"), gettext_noop("Keep the session in a cookie after the answer came.")),
    "strange-state": Line(
        gettext_noop("An answer with a state that was never sent is refused"),
        gettext_noop("Compare the state with the one that you kept, before anything else."),
    ),
    "stolen-state": Line(
        gettext_noop("An answer to another browser's request is refused"),
        gettext_noop("Keep the state in the visitor's own session, not in a list for all."),
    ),
    "wrong-nonce": Line(
        gettext_noop("An ID token with another nonce is refused"),
        gettext_noop("Compare the nonce of the ID token with the one that you kept."),
    ),
    "wrong-signature": Line(
        gettext_noop("An ID token whose signature does not hold is refused"), gettext_noop("Check the signature with our published keys.")
    ),
    "expired": Line(
        gettext_noop("An ID token that has expired is refused"), gettext_noop("Check exp, with a minute of tolerance at most.")
    ),
    "wrong-issuer": Line(
        gettext_noop("An ID token of another issuer is refused"), gettext_noop("Compare iss with our issuer, character by character.")
    ),
    "wrong-audience": Line(gettext_noop("An ID token for another client is refused"), gettext_noop("Compare aud with your client_id.")),
    "other-sender": Line(
        gettext_noop("An answer that names another issuer is refused"),
        gettext_noop("Compare iss beside the code with our issuer (RFC 9207)."),
    ),
    "person-refuses": Line(gettext_noop("A person who refuses is told so"), gettext_noop("Read error in the answer and show a page.")),
    "signs-out": Line(
        gettext_noop("Signing out ends the session, here and with us"),
        gettext_noop("Forget the session, then lead to our end_session_endpoint."),
    ),
}


@dataclass(frozen=True)
class Finding:
    """How one line came out; `detail` is a status, a name or an address, never what the site wrote."""

    check: str
    outcome: Outcome
    seen: Seen = Seen.AS_IT_SHOULD
    detail: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the form in which it is kept."""
        return {name: str(value) for name, value in asdict(self).items()}


def is_clean(findings: list[Finding]) -> bool:
    """Answer whether nothing is to be mended, and a good sign-in was seen to work."""
    worked = any(finding.check == "signs-in" and finding.outcome is Outcome.PASSED for finding in findings)
    return worked and not any(finding.outcome is Outcome.FAILED for finding in findings)
