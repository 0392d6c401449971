"""A Flask extension: an endpoint answers only what a consent token covers.

```python
guard = Guard(app, provider)

@app.post("/v1/police-record")
@guard.protects(Dataset(dataset_id="police-record", endpoint="https://registro.example/v1/police-record"), read=read_ask)
def answer(allowed: Allowed) -> dict: ...
```
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, Response, jsonify, request

from wallet.provider.library import Allowed, Call, Dataset, Provider, TokenRefused

Ask = tuple[dict[str, str], frozenset[str]]
View = Callable[[Allowed], Any]  # whatever Flask takes from a view


class Guard:
    """Puts the checks before views, and turns their refusals into answers."""

    def __init__(self, app: Flask, provider: Provider) -> None:
        self.provider = provider
        app.register_error_handler(TokenRefused, refusal)

    def protects(self, dataset: Dataset, *, read: Callable[[], Ask], action: str = "read") -> Callable[[View], Callable[[], Any]]:
        """Give a view what the token allows.  `read` takes person and fields out of the request.

        A view with the action `query` answers yes or no and nothing else: a token for that alone opens no other view.
        """

        def decorate(view: View) -> Callable[[], Any]:
            @wraps(view)
            def guarded() -> Any:  # as the view
                subject, fields = read()
                return view(self.provider.check(present_call(subject, fields, dataset.endpoint, action=action), dataset))

            return guarded

        return decorate


def present_call(subject: dict[str, str], fields: frozenset[str], url: str, *, action: str = "read") -> Call:
    """Return the present request as the checks want it; `url` is the address as the outside knows it."""
    return Call(
        method=request.method,
        url=url,
        authorization=request.headers.get("Authorization"),
        dpop=request.headers.get("DPoP"),
        token_in_query="access_token" in request.args or "token" in request.args,
        subject=subject,
        fields=fields,
        action=action,
    )


def refusal(refused: TokenRefused) -> Response:
    """Return the answer to a call that failed a check."""
    answer = jsonify({"error": refused.code})
    answer.status_code = refused.status
    if refused.status == 401:
        answer.headers["WWW-Authenticate"] = f'DPoP error="{refused.code}", algs="ES256"'
    answer.headers["Cache-Control"] = "no-store"
    return answer
