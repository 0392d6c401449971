"""The page after signing out, with a frame for each service told through the browser (LO-11).  Spec: OIDC Front-Channel Logout §3."""

import base64
import hashlib

from flask import Response

from identity.models.client_store import KnownClient
from identity.standards.redirect_uris import origin_of
from shared.web import allow, page

GO_BACK = 'const go=()=>location.replace(document.getElementById("back").href);addEventListener("load",go);setTimeout(go,5000)'
"""Leaves as soon as all frames have loaded, or after five seconds; the link does the same without a script."""
SCRIPT_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(GO_BACK.encode()).digest()).decode()}'"


def frames_page(frames: tuple[str, ...], *, client: KnownClient | None = None, back: str | None = None, session_id: str = "") -> Response:
    """Say that the person is signed out, open the frames, and lead back to the service where it wants that."""
    if frames:
        allow("frame-src", *dict.fromkeys(origin_of(frame) for frame in frames))
    if frames and back:
        allow("script-src", SCRIPT_SOURCE)
    return page("identity/logged_out.html", client=client, frames=frames, back=back, script=GO_BACK, session_id=session_id)
