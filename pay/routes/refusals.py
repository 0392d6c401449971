"""Refusals of the public API in the form of the published contract.  Spec: pay-api.md §3."""

from flask import Response, jsonify, request

from pay.errors import ApiProblem
from shared.problems import Problem

# The code for "Downstream system error" belongs to the endpoint.
DOWNSTREAM = {
    "payments.create": "P0198",
    "payments.get": "P0298",
    "payments.events": "P0398",
    "payments.search": "P0498",
    "payments.cancel": "P0598",
    "payments.capture": "P1098",
    "refunds.create": "P0698",
    "refunds.get": "P0798",
    "refunds.list_all": "P0898",
    "refund_search.search": "P1898",
    "disputes.search": "P0498",
    "agreements.create": "P2198",
    "agreements.get": "P2298",
    "agreements.search": "P2498",
    "agreements.cancel": "P2598",
}


def v1_format(problem: Problem) -> Response:
    """Render any refusal on `/v1/` as the envelope of the contract."""
    if isinstance(problem, ApiProblem):
        body = problem.body()
    elif problem.status == 429:
        body = {"code": "P0900", "description": "Too many requests"}
    elif problem.status == 503:
        body = {"code": "P0999", "description": problem.detail or problem.title}
    elif problem.status >= 500:
        body = {"code": DOWNSTREAM.get(request.endpoint or "", "P0198"), "description": "Downstream system error"}
    else:
        body = {"description": problem.detail or problem.title}
    response = jsonify(body)
    response.status_code = problem.status
    return response
