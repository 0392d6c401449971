"""The way back to the body that asked: three parameters and nothing that could be believed.  Spec: wallet contract §5.4."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


def return_url(redirect_uri: str, *, request_id: str, state: str | None, issuer: str) -> str:
    """Add `request_id`, `state` (when the caller sent one) and `iss` to a registered address; its own query stays."""
    parts = urlsplit(redirect_uri)
    ours = {"request_id": request_id, **({} if state is None else {"state": state}), "iss": issuer}
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in ours]
    return urlunsplit(parts._replace(query=urlencode([*kept, *ours.items()])))


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
