"""What browsers are told to refuse.  Spec: Content Security Policy Level 3; OWASP secure headers."""

from collections.abc import Iterable, Mapping

from flask import Response, current_app, g

PAGE_POLICY: Mapping[str, tuple[str, ...]] = {
    "default-src": ("'none'",),
    "style-src": ("'self'",),
    "img-src": ("'self'",),
    "font-src": ("'self'",),
    "form-action": ("'self'",),
    "base-uri": ("'none'",),
    "frame-ancestors": ("'none'",),
}
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"
HSTS_SECONDS = 2 * 365 * 24 * 3600
DATA_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": DATA_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # not no-referrer: with it browsers send `Origin: null` with our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",  # what may be kept says so itself
}
FORGET: Mapping[str, str] = {"Clear-Site-Data": '"cache", "storage"'}
"""With the answer that signs somebody out: what the browser keeps of our pages goes.  Not the cookies: the language stays."""
PAGE_HEADERS: Mapping[str, str] = {**DATA_HEADERS, "Permissions-Policy": PERMISSIONS_POLICY}


def allow(directive: str, *sources: str) -> None:
    """Widen the policy of the present response alone.

    `allow("form-action", "https://client.example")` for a form whose answer redirects there: browsers apply form-action to
    the redirects too.  `allow("script-src", "'sha256-…'")` for the one script of a form_post answer.
    Raises: ValueError for a source that could end the directive, or for wild cards.
    """
    for source in sources:
        if any(character in source for character in " ;,*\r\n"):
            raise ValueError("not one source")
    added: dict[str, list[str]] = g.setdefault("csp_additions", {})
    added.setdefault(directive, []).extend(sources)


def policy(additions: Mapping[str, Iterable[str]]) -> str:
    """Return the page policy with additions; a directive that was `'none'` or absent becomes what is added."""
    merged = {name: list(sources) for name, sources in PAGE_POLICY.items()}
    for name, sources in additions.items():
        known = [source for source in merged.get(name, []) if source != "'none'"]
        merged[name] = known + [source for source in dict.fromkeys(sources) if source not in known]
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in merged.items())


def set_headers(response: Response) -> Response:
    """Give an answer its headers; one that was set before is kept."""
    wanted = DATA_HEADERS
    if response.mimetype == "text/html":
        wanted = {**PAGE_HEADERS, "Content-Security-Policy": policy(g.get("csp_additions", {}))}
    present = {name.lower() for name, _ in response.headers}
    response.headers.extend([(name, value) for name, value in wanted.items() if name.lower() not in present])
    settings = current_app.extensions["andamio"].context.settings
    if settings.secure and not settings.is_sandbox:  # a browser would keep it for every port of localhost, for two years
        response.headers.setdefault("Strict-Transport-Security", f"max-age={HSTS_SECONDS}; includeSubDomains")
    return response
