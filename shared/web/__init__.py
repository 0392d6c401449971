"""One layout for every page of all services: look, words, forms, sessions, signing in.  How to make a page: docs/pages.md."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from flask import Flask, Response, has_request_context, make_response, render_template, request
from jinja2 import ChoiceLoader, PackageLoader, PrefixLoader, Template
from jinja2.environment import TemplateModule

from shared.access import PUBLIC
from shared.context import Context
from shared.routes import Routes
from shared.web import about, words
from shared.web.assets import Assets
from shared.web.csrf import FormExpired, check_csrf, install_csrf, renew_csrf
from shared.web.headers import allow, set_headers
from shared.web.sessions import DatabaseSessions
from shared.web.visitor import act_for, show_person, visitor
from shared.web.words import gettext, gettext_noop, language, languages, ngettext, pgettext, speaking

__all__ = [
    "FormExpired",
    "act_for",
    "allow",
    "check_csrf",
    "error_at",
    "errors_of",
    "gettext",
    "gettext_noop",
    "install",
    "language",
    "languages",
    "localized_url",
    "name_service",
    "ngettext",
    "page",
    "pgettext",
    "renew_csrf",
    "set_headers",
    "show_person",
    "speaking",
]

LANGUAGE_COOKIE = "lang"
LANGUAGE_SECONDS = 365 * 24 * 3600


def page(template: str, status: int = 200, **values: object) -> Response:
    """Return a page made of a template."""
    response = make_response(render_template(template, **values), status)
    response.headers["Content-Language"] = language()
    return response


def localized_url(code: str) -> str:
    """Return the address of the present page in a language; what only answers a form has none, then it is the start page."""
    rule = request.url_rule
    if request.method not in {"GET", "HEAD"} and (rule is None or "GET" not in (rule.methods or ())):
        return "/?" + urlencode({"lang": code})
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "lang"]
    return request.path + "?" + urlencode([*kept, ("lang", code)])


def name_service(app: Flask, name: str) -> None:
    """Say what people know a service as, in English and marked: `name_service(app, gettext_noop("Payments"))`."""
    app.jinja_env.globals["service_name"] = name


def _choose_language() -> str:
    """Return the language of the address, else of the cookie, else of the browser, else Spanish."""
    if not has_request_context():
        return words.DEFAULT_LANGUAGE
    wishes = (request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE), request.accept_languages.best_match(languages()))
    return next((wish for wish in wishes if wish in languages()), words.DEFAULT_LANGUAGE)


def _keep_language(response: Response) -> Response:
    asked = request.args.get("lang") if b"lang=" in request.query_string else None
    if asked in languages():
        response.set_cookie(LANGUAGE_COOKIE, asked, max_age=LANGUAGE_SECONDS, samesite="Lax", httponly=True, secure=request.is_secure)
    return response


def _forget_language(_error: BaseException | None = None) -> None:
    words.use_language(None)  # the thread answers other requests


def errors_of(problems: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Return the list of an error summary from pairs of a field's id and what to do."""
    return [{"href": "#" + field, "text": text} for field, text in problems]


def error_at(field: str, error_list: Iterable[Mapping[str, str]]) -> dict[str, str] | None:
    """Return a field's `errorMessage` out of the list of the summary, or None."""
    return next(({"text": error["text"]} for error in error_list or () if error["href"] == "#" + field), None)


class _Template(Template):
    """A template whose macros are made once, not looked at again at each import: all templates of an app have the same globals."""

    def _get_default_module(self, ctx: object = None) -> TemplateModule:
        return self._module or super()._get_default_module()


def _install_templates(app: Flask, context: Context, assets: Assets) -> None:
    own = app.jinja_loader
    components = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    shared_loader = PackageLoader("shared.web")
    app.jinja_loader = ChoiceLoader([loader for loader in (own, shared_loader, components) if loader])
    environment = app.jinja_env
    environment.template_class = _Template
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters.update(words.FILTERS)
    environment.globals.update(
        _=gettext,
        ngettext=ngettext,
        pgettext=pgettext,
        asset=lambda name: "/static/" + assets.name(name),
        error_at=error_at,
        errors_of=errors_of,
        localized_url=localized_url,
        language=language,
        languages=languages,
        language_names=words.NAMES,
        operator=context.settings,
        service_name="",
        visitor=visitor,
    )


def install(app: Flask, context: Context) -> None:
    """Give an app its pages; called by the app factory before any route of the service is added."""
    for package in ("shared.web", context.service):
        words.load(package)
    assets = Assets("shared.web", context.service)
    _install_templates(app, context, assets)
    app.session_interface = DatabaseSessions(context)
    install_csrf(app, lambda: context.form_key, service=context.service, secure=context.settings.secure)
    # Not before_request: access rules run there, and their refusals are pages in the visitor's language.
    words.choose_by(_choose_language)
    app.before_request(_forget_language)
    app.after_request(_keep_language)
    app.teardown_request(_forget_language)
    routes = Routes("assets", __name__, access=PUBLIC)
    routes.get("/static/<served>")(assets.respond)
    for blueprint in (routes, about.make_routes(context)):
        app.register_blueprint(blueprint)
        app.extensions["andamio"].access_rules.update(blueprint.access_rules)
