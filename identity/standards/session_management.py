"""What a service's page compares to learn whether the sign-on lasts.  Spec: OIDC Session Management 1.0 §3, LO-11."""

import hashlib

COOKIE = "identity-state"


def browser_state(session_token: str) -> str:
    """Return the mark of a session that its browser may show to scripts: the token cannot be found from it."""
    return hashlib.sha256(f"browser-state|{session_token}".encode()).hexdigest()


def session_state(client_id: str, origin: str, state: str, salt: str) -> str:
    """Return the value for one client's page; `check-session.js` computes the same."""
    digest = hashlib.sha256(f"{client_id} {origin} {state} {salt}".encode()).hexdigest()
    return f"{digest}.{salt}"
