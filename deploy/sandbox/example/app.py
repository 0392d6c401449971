"""The school's web site: apply for a job, step by step, each page one thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, Response, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from notifications_python_client.errors import HTTPError as NotifyError
from werkzeug.wrappers import Response as AnyResponse

from deploy.sandbox.example.applications import FEE_CLP, Application, Applications, Delivery, Stage
from deploy.sandbox.example.office import Office, ServiceAway
from deploy.sandbox.front.app import read_facts
from deploy.sandbox.plan import Plan
from deploy.sandbox.site import make_site
from shared.access import PUBLIC_PAGE
from shared.app import register
from shared.clock import Clock
from shared.problems import InvalidRequest, Unavailable
from shared.routes import Routes
from shared.web import allow, gettext_noop, language, name_service, page, show_person

PACKAGE = "deploy.sandbox.example"
CLIENT_ID = "example"
SCOPE = "openid name email phone run"
DELIVERY_NAMES = {
    Delivery.EMAIL: gettext_noop("By e-mail"),
    Delivery.SMS: gettext_noop("By text message"),
    Delivery.LETTER: gettext_noop("By letter"),
    Delivery.MAILBOX: gettext_noop("In my government mailbox"),
}


def create_app(plan: Plan, *, http: httpx.Client, clock: Clock) -> Flask:
    """The example service over the sandbox that it stands in."""
    app = make_site("example", PACKAGE, plan=plan, public_url=plan.urls.example, clock=clock)
    name_service(app, gettext_noop("Jobs at Colegio Las Araucarias"))
    # Who signed in is remembered in a signed cookie; what the application holds stays on the server.
    app.secret_key = plan.key("session:example")
    app.session_interface = SecureCookieSessionInterface()
    app.config["SESSION_COOKIE_NAME"], app.config["SESSION_COOKIE_SAMESITE"] = "example-session", "Lax"
    office = Office(
        facts=lambda: read_facts(plan.folder / "sandbox.json"),
        applications=Applications(),
        http=http,
        now=clock.now,
        base_url=plan.urls.example,
    )
    login = _login_client(app, plan)
    register(app, [_sign_in_routes(plan, login, office.applications), _application_routes(plan, office), _fee_routes(plan, office)])
    return app


def _login_client(app: Flask, plan: Plan) -> Any:
    oauth = OAuth(app)
    return oauth.register(
        CLIENT_ID,
        client_id=CLIENT_ID,
        client_secret=plan.client(CLIENT_ID).secret,
        server_metadata_url=f"{plan.issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": SCOPE, "code_challenge_method": "S256"},
    )


def _sign_in_routes(plan: Plan, login: Any, applications: Applications) -> Routes:
    routes = Routes("sign_in", __name__, access=PUBLIC_PAGE)

    @routes.get("/")
    def home() -> Response:
        return page("example/home.html", fee=FEE_CLP)

    @routes.get("/login")
    def begin() -> AnyResponse:
        answer: AnyResponse = login.authorize_redirect(f"{plan.urls.example}/callback", ui_locales=language())
        return answer

    @routes.get("/callback")
    def signed_in() -> AnyResponse:
        try:
            token = login.authorize_access_token()
            facts = login.userinfo(token=token)
        except OAuthError:
            return page("example/not_signed_in.html", status=400)
        session.clear()
        session["application"] = applications.start(
            sub=facts["sub"],
            run=_run(facts.get("RolUnico")),
            name=str(facts.get("name", "")),
            email=str(facts.get("email", "")),
            phone=str(facts.get("phone_number", "")),
        ).application_id
        return redirect(url_for("application.show"), 303)

    @routes.post("/leave")
    def leave() -> AnyResponse:
        session.clear()
        return redirect(url_for("sign_in.home"), 303)

    return routes


def _application_routes(plan: Plan, office: Office) -> Routes:
    routes = Routes("application", __name__, access=PUBLIC_PAGE)
    routes.errorhandler(ServiceAway)(_say_away)
    with_application = _with_application(office.applications)

    @routes.get("/application")
    @with_application
    def show(application: Application) -> AnyResponse:
        if application.stage is Stage.SIGNED_IN or application.stage is Stage.ASKED:
            allow("form-action", plan.urls.wallet, plan.urls.identity)
            return page("example/ask.html", application=application)
        if application.stage is Stage.REFUSED:
            return page("example/refused.html", application=application, urls=plan.urls)
        if application.stage is Stage.DONE:
            return page("example/done.html", application=application, urls=plan.urls, names=DELIVERY_NAMES, fee=FEE_CLP)
        allow("form-action", plan.urls.pay)
        return page("example/fee.html", application=application, fee=FEE_CLP, names=DELIVERY_NAMES)

    @routes.post("/consent")
    @with_application
    def ask(application: Application) -> AnyResponse:
        _, view_uri = office.ask_for_record(application, language=language())
        return redirect(view_uri, 303)

    @routes.get("/consent/return")
    @with_application
    def decided(application: Application) -> AnyResponse:
        if application.request_id and request.args.get("request_id") == application.request_id:
            office.learn_decision(application)
        return redirect(url_for("application.show"), 303)

    return routes


def _fee_routes(plan: Plan, office: Office) -> Routes:
    routes = Routes("fee", __name__, access=PUBLIC_PAGE)
    routes.errorhandler(ServiceAway)(_say_away)
    with_application = _with_application(office.applications)

    @routes.post("/pay")
    @with_application
    def pay(application: Application) -> AnyResponse:
        way = request.form.get("delivery", "")
        if application.stage not in {Stage.RECORD_READ, Stage.PAYING}:
            return redirect(url_for("application.show"), 303)
        if way not in set(Delivery):
            allow("form-action", plan.urls.pay)
            return page("example/fee.html", 400, application=application, fee=FEE_CLP, names=DELIVERY_NAMES, error_list=_CHOOSE)
        _, next_url = office.start_payment(application, delivery=Delivery(way), language=language())
        return redirect(next_url, 303)

    @routes.get("/pay/return")
    @with_application
    def paid(application: Application) -> AnyResponse:
        if application.payment_id:
            office.learn_payment(application)
        return redirect(url_for("application.show"), 303)

    return routes


_CHOOSE = [{"href": "#delivery", "text": gettext_noop("Choose how you want your receipt.")}]


def _with_application(applications: Applications) -> Callable[[Callable[[Application], AnyResponse]], Callable[[], AnyResponse]]:
    """Give a page the visitor's application; who has none starts at the beginning."""

    def give(view: Callable[[Application], AnyResponse]) -> Callable[[], AnyResponse]:
        def wrapped() -> AnyResponse:
            application = applications.find(session.get("application", ""))
            if application is None:
                return redirect(url_for("sign_in.home"), 303)
            show_person(application.name, sign_out_url=url_for("sign_in.leave"))
            try:
                return view(application)
            except (httpx.HTTPError, NotifyError, OAuthError, KeyError) as error:
                raise Unavailable(gettext_noop("A part that this needs does not answer. What you did is kept.")) from error

        wrapped.__name__ = view.__name__
        return wrapped

    return give


def _say_away(_: ServiceAway) -> Response:
    return page("example/away.html", 502)


def _run(claim: object) -> str:
    """`{"numero": 12345678, "DV": "5"}` as `12345678-5`.  Raises: InvalidRequest when the claim did not come."""
    if not isinstance(claim, dict) or "numero" not in claim or "DV" not in claim:
        raise InvalidRequest(gettext_noop("Your RUN did not come with your sign-in. Sign in again and allow it."))
    return f"{claim['numero']}-{claim['DV']}"
