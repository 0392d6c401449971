"""One way for all pages of the console to be shown."""

from collections.abc import Iterable

from flask import Response, g, request

from notify.context import current
from notify.routes.console.access import member
from shared.web import errors_of, page

Problems = Iterable[tuple[str, str]]


def show_page(name: str, problems: Problems = (), /, **values: object) -> Response:
    """Show a page with who is signed in and the service of the address; with what to put right it is a 422.

    `press` names the page that holds a button, so that one press of it is not two (`press_of`).
    """
    errors = errors_of(problems)
    about = {"member": member(), "service": g.service, "press": request.form.get("press") or current().ids.uuid4()}
    return page(f"notify/console/{name}.html", 422 if errors else 200, error_list=errors, **about, **values)
