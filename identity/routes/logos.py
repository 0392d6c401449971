"""Pictures of clients, from our own address: no page of ours asks another site for anything (RG-6)."""

from flask import Response

from identity.context import current
from identity.operations import logos
from shared.access import PUBLIC
from shared.problems import NotFound
from shared.routes import Routes

routes = Routes("logos", __name__, access=PUBLIC)
KEEP_SECONDS = 3600


@routes.get("/logos/<client_id>")
def show_logo(client_id: str) -> Response:
    """The picture of a client."""
    picture = logos.find(current(), client_id) if client_id.isprintable() else None
    if picture is None:
        raise NotFound("This client has no picture.")
    return Response(picture, content_type="image/png", headers={"Cache-Control": f"public, max-age={KEEP_SECONDS}"})
