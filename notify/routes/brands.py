"""Logos as mail programs fetch them."""

from uuid import UUID

from flask import Response
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.operations.brands import logo_of
from shared.access import PUBLIC
from shared.routes import Routes

brands = Routes("brands", __name__, url_prefix="/brands", access=PUBLIC)
KEPT_SECONDS = 24 * 3600


@brands.get("/<uuid:brand_id>/logo.png")
def logo(brand_id: UUID) -> ResponseReturnValue:
    """Give the logo of an approved brand."""
    response = Response(logo_of(current(), brand_id), content_type="image/png")
    response.headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
    return response
