"""An app with one page of each kind: what the tests of shared/web and of its looks walk through."""

from datetime import UTC, datetime

from flask import Flask, request
from flask.typing import ResponseReturnValue

from shared import web
from shared.access import PUBLIC, PUBLIC_PAGE
from shared.app import base_app, register
from shared.context import Context
from shared.problems import Forbidden, NotFound
from shared.routes import Routes

PAGES = (
    "/form",
    "/form?wrong=1",
    "/choices",
    "/receipt",
    "/console",
    "/acting",
    "/missing",
    "/forbidden",
    "/about/accessibility",
    "/about/privacy",
    "/about/status",
    "/about/open-data",
)
RECEIPT = {
    "amount_minor": 14500,
    "run": "22222222-2",
    "paid_at": datetime(2026, 11, 21, 17, 5, tzinfo=UTC),
    "phone": "+56912345678",
    "code": "7KQMX2PD",
    "name": "José Ñancupil Huenchumán",
}
ROWS = [("Municipalidad de Quilpalín", 1204, 3_500_000), ("Colegio Las Araucarias", 88, 1_276_000), ("Registro Civil", 52310, 14500)]


def make_gallery(context: Context) -> Flask:
    app = base_app(context, import_name=__name__)
    web.name_service(app, web.gettext_noop("Open data"))
    routes = Routes("gallery", __name__, access=PUBLIC_PAGE)

    @routes.route("/form", methods=["GET", "POST"])
    def form() -> ResponseReturnValue:
        wrong = request.args.get("wrong")
        errors = [{"href": "#run", "text": "El RUN no es correcto. Revise el dígito después del guion."}] if wrong else []
        return web.page("gallery/form.html", status=422 if wrong else 200, error_list=errors)

    @routes.get("/choices")
    def choices() -> ResponseReturnValue:
        return web.page("gallery/choices.html")

    @routes.get("/receipt")
    def receipt() -> ResponseReturnValue:
        return web.page("gallery/receipt.html", 200, **RECEIPT)

    @routes.get("/console")
    def console() -> ResponseReturnValue:
        web.show_person("María de los Ángeles Fernández-Concha Undurraga", sign_out_url="/form")
        return web.page("gallery/console.html", rows=ROWS)

    @routes.get("/acting")
    def acting() -> ResponseReturnValue:
        web.show_person("Camila Andrea Soto Pérez", sign_out_url="/form")
        web.act_for("José Ñancupil Huenchumán", stop_url="/form")
        web.allow("form-action", "https://client.example")
        return web.page("gallery/form.html", error_list=[])

    @routes.get("/missing")
    def missing() -> ResponseReturnValue:
        raise NotFound

    @routes.get("/forbidden")
    def forbidden() -> ResponseReturnValue:
        raise Forbidden("Your account has no role for this.")

    @routes.get("/data", access=PUBLIC)
    def data() -> ResponseReturnValue:
        return {"ok": True}

    register(app, [routes])
    return app
