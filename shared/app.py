"""The app factory that the four services share: ids, access rules, refusals, health, metrics, headers."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus

import structlog
from flask import Flask, Response, g, jsonify, make_response, redirect, request
from flask.typing import ResponseReturnValue
from opentelemetry.trace import SpanKind
from sqlalchemy.exc import DataError, SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from shared import metrics, openapi, telemetry, trace, web
from shared.access import PUBLIC, Access
from shared.audit import routes as audit_routes
from shared.broker import AWAY, broker_at
from shared.context import Context, is_engine_away
from shared.problems import BY_STATUS, Forbidden, InternalError, InvalidRequest, Problem, Unavailable
from shared.routes import Routes

log = structlog.get_logger("andamio.http")
PROBLEM_TYPE = "urn:andamio:problem:"
BODY_BYTES_MAX = 1024 * 1024

Format = Callable[[Problem], Response]


@dataclass
class Andamio:
    """What the shared part keeps with an app: `formats` are the refusals of foreign contracts, by address prefix."""

    context: Context
    formats: Mapping[str, Format]
    access_rules: dict[str, Access] = field(default_factory=dict)
    openapi: dict[str, object] | None = None  # made when it is first asked for


class Inside(Access):
    """A caller inside the private network, not through the edge: metrics."""

    name = "inside the private network"

    def check(self) -> None:
        """Raises: Forbidden for a request that came through a proxy."""
        if request.headers.get("X-Forwarded-For"):
            raise Forbidden("Metrics are read inside the private network.")


def base_app(context: Context, *, import_name: str, formats: Mapping[str, Format] | None = None) -> Flask:
    """Return a Flask app with all that every service has; `register` adds the routes."""
    app = Flask(import_name, static_folder=None, template_folder="templates")
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    app.config["MAX_FORM_MEMORY_SIZE"] = BODY_BYTES_MAX
    app.url_map.merge_slashes = False  # or `//token` is sent on by 308, with its credentials, to whatever Host it named
    app.json.sort_keys = False  # type: ignore[attr-defined]  # Flask's default provider has it
    app.extensions["andamio"] = Andamio(context, dict(formats or {}))
    if context.settings.trusted_proxies:
        hops = context.settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]  # Flask's documented way
    telemetry.configure(context.service, context.settings)
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)
    app.register_error_handler(Problem, _refuse)
    app.register_error_handler(HTTPException, _refuse_http)
    app.register_error_handler(Exception, _refuse_unknown)
    web.install(app, context)
    register(app, [_operations_routes(), audit_routes.bp, openapi.bp])
    return app


def register(app: Flask, blueprints: Iterable[Routes]) -> None:
    """Add blueprints.  Raises: ValueError where a route of the app has no access rule."""
    rules = app.extensions["andamio"].access_rules
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
        rules.update(blueprint.access_rules)
    without = sorted({rule.endpoint for rule in app.url_map.iter_rules()} - set(rules))
    if without:
        raise ValueError("routes without an access rule: " + ", ".join(without))


def _andamio() -> Andamio:
    from flask import current_app

    extension: Andamio = current_app.extensions["andamio"]
    return extension


def _begin() -> None:
    g.started = time.perf_counter()
    ids = _andamio().context.ids
    request_id = trace.accepted(request.headers.get(trace.REQUEST_HEADER)) or ids.token(12)
    journey_id = trace.accepted(request.headers.get(trace.JOURNEY_HEADER)) or request_id
    g.work = trace.working_on(request_id, journey_id)
    g.work.__enter__()
    g.request_id = request_id
    if telemetry.enabled():
        g.span = telemetry.span(f"{request.method} {_route()}", headers=dict(request.headers), kind=SpanKind.SERVER)
        g.span.__enter__()
    if request.endpoint is None:
        return  # nothing at that address: the router's refusal follows
    rule = _andamio().access_rules[request.endpoint]
    rule.check()
    if rule.pages and request.method not in {"GET", "HEAD", "OPTIONS"}:
        web.check_csrf()


def _route() -> str:
    return request.url_rule.rule if request.url_rule else "(none)"


def _end(response: Response) -> Response:
    service = _andamio().context.service
    response.headers[trace.REQUEST_HEADER] = g.get("request_id", "")
    web.set_headers(response)
    if "started" in g:
        metrics.observe_request(service, request.method, _route(), response.status_code, g.started)
        log.info(
            "request",
            method=request.method,
            route=_route(),
            status=response.status_code,
            milliseconds=round((time.perf_counter() - g.started) * 1000, 1),
        )
    return response


def _forget(_error: BaseException | None) -> None:
    for begun in ("span", "work"):
        block = g.pop(begun, None)
        if block is not None:
            block.__exit__(None, None, None)


def _refuse(problem: Problem) -> ResponseReturnValue:
    """Render a refusal in the form of the address: a foreign contract's, a page, or RFC 9457."""
    andamio = _andamio()
    rule = andamio.access_rules.get(request.endpoint or "")
    of_page = rule is not None and rule.pages  # a page's refusal is a page, also where a foreign contract has the addresses around it
    prefix = None if of_page else max((p for p in andamio.formats if request.path.startswith(p)), key=len, default=None)
    if prefix is not None:
        response = andamio.formats[prefix](problem)
    elif _is_page():
        response = make_response(
            web.page("shared/problem.html", status=problem.status, problem=problem, request_id=g.get("request_id", ""))
        )
    else:
        response = problem_document(problem)
    for name, value in problem.headers.items():
        response.headers[name] = value
    return response


def problem_document(problem: Problem) -> Response:
    """Return the refusal as application/problem+json.  Spec: RFC 9457 §3."""
    body = {"type": PROBLEM_TYPE + problem.slug, "title": problem.title, "status": problem.status}
    if problem.detail:
        body["detail"] = problem.detail
    response = jsonify({**body, "request_id": g.get("request_id", ""), **problem.extra})
    response.status_code = problem.status
    response.content_type = "application/problem+json"
    return response


def _is_page() -> bool:
    rule = _andamio().access_rules.get(request.endpoint or "")
    if rule is not None:
        return rule.pages
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def _refuse_http(error: HTTPException) -> ResponseReturnValue:
    """Give the framework's own refusals our form; redirects pass."""
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if status < HTTPStatus.BAD_REQUEST:
        return error.get_response(request.environ)
    kind = BY_STATUS.get(status, InvalidRequest if status < HTTPStatus.INTERNAL_SERVER_ERROR else InternalError)
    allow = {name: value for name, value in error.get_headers(request.environ) if name == "Allow"}
    problem = kind("")
    problem.headers.update(allow)
    return _refuse(problem)


def _refuse_unknown(error: Exception) -> ResponseReturnValue:
    """An engine that is away is a 503; anything else is our fault: logged, and told without its text.

    What a page was sent and the database takes from nobody, as a text with a NUL in it, comes from no page of ours: a 400, logged too.
    """
    if is_engine_away(error):
        log.error("engine away", error=type(error).__name__)
        return _refuse(Unavailable("The service is restarting. Try again in a few seconds."))
    log.exception("unhandled", exception_type=type(error).__name__)
    if isinstance(error, DataError) and _is_page():
        return _refuse(InvalidRequest("What you sent cannot be kept. Go back and write it again."))
    return _refuse(InternalError("The fault was recorded. Give the request id when you ask for help."))


def _operations_routes() -> Routes:
    routes = Routes("operations", __name__, access=PUBLIC)

    @routes.get("/healthz")
    def healthz() -> ResponseReturnValue:
        """The process answers."""
        return jsonify({"status": "ok"})

    @routes.get("/readyz")
    def readyz() -> ResponseReturnValue:
        """The database answers; a queue or cache that is away is told, and does not stop the service."""
        context = _andamio().context
        checks = {
            "database": _answers(context.db.is_ready),
            "queue": _answers(lambda: _queue_answers(context)),
            "cache": _answers(context.redis.ping),
        }
        ready = checks["database"]
        body = {"status": "ok" if ready else "not ready", "checks": {name: "ok" if ok else "away" for name, ok in checks.items()}}
        return jsonify(body), 200 if ready else 503

    @routes.get("/metrics", access=Inside())
    def show_metrics() -> ResponseReturnValue:
        """Prometheus metrics."""
        context = _andamio().context
        body, content_type = metrics.exposition(context.service, context.db, context.clock)
        return Response(body, content_type=content_type)

    @routes.get("/.well-known/security.txt")
    def security() -> ResponseReturnValue:
        """Lead to where weaknesses are told.  Spec: RFC 9116 §3."""
        return redirect(_andamio().context.settings.security_url, 302)

    return routes


def _queue_answers(context: Context) -> bool:
    """Return True once the queue's engine answered.  Raises: one of AWAY."""
    with closing(broker_at(context.settings.queue_url.reveal())) as broker:
        broker.has_lost(context.service)
        return True


def _answers(check: Callable[[], object]) -> bool:
    try:
        return bool(check())
    except (SQLAlchemyError, *AWAY):
        return False
