"""Refusals in the envelope of the v2 contract.  Spec: notify-api §3."""

from flask import Response, jsonify

from notify.errors import DocumentRefused, Refusal, UnsubscribeLinkNotValid
from shared.problems import InternalError, MethodNotAllowed, NotFound, Problem

_WORDS = {400: "BadRequestError", 401: "AuthError", 403: "AuthError", 413: "BadRequestError", 429: "TooManyRequestsError"}


def envelope(problem: Problem) -> Response:
    """Give a refusal as the published clients read it; what the router refuses has the contract's older form."""
    if isinstance(problem, NotFound | MethodNotAllowed):
        response = jsonify({"result": "error", "message": problem.detail or problem.title})
    elif isinstance(problem, Refusal):
        response = jsonify({"status_code": problem.status, "errors": problem.entries()})
    else:
        kind = "InternalServerError" if isinstance(problem, InternalError) else _WORDS.get(problem.status, type(problem).__name__)
        message = "Internal server error" if isinstance(problem, InternalError) else problem.detail or problem.title
        response = jsonify({"status_code": problem.status, "errors": [{"error": kind, "message": message}]})
    response.status_code = problem.status
    response.headers["Cache-Control"] = "no-store, no-cache, private, must-revalidate"
    return response


def document_error(problem: Problem) -> Response:
    """Give a refusal about a file as the document service does.  Spec: notify-api §9."""
    response = jsonify({"error": problem.detail or problem.title})
    response.status_code = problem.status_code if isinstance(problem, DocumentRefused) else problem.status
    return response


def result_error(problem: Problem) -> Response:
    """Give a refusal in the older form, which callbacks of providers and unsubscribe links know.  Spec: notify-api §3, §8."""
    said: object = problem.detail or problem.title
    response = jsonify(
        {"result": "error", "message": {"unsubscribe request": said} if isinstance(problem, UnsubscribeLinkNotValid) else said}
    )
    response.status_code = problem.status
    return response
