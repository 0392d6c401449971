"""Blueprints whose every route states who may use it."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint

from shared.access import Access


class Routes(Blueprint):
    """A blueprint with one access rule for all its routes, which a route may replace: `@bp.get("/x", access=PUBLIC)`."""

    def __init__(self, name: str, import_name: str, *, access: Access | None = None, url_prefix: str | None = None) -> None:
        super().__init__(name, import_name, url_prefix=url_prefix)
        self.access = access
        self.access_rules: dict[str, Access] = {}

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,  # Flask's own type of a view
        provide_automatic_options: bool | None = None,
        *,
        access: Access | None = None,
        **options: Any,  # what Werkzeug's Rule takes
    ) -> None:
        """Add a route with its access rule.  Raises: ValueError when neither it nor the blueprint has one."""
        name = endpoint or getattr(view_func, "__name__", "")
        stated = access or self.access
        if stated is None:
            raise ValueError(f"route {self.name}.{name} states no access rule")
        self.access_rules[f"{self.name}.{name}"] = stated
        super().add_url_rule(rule, endpoint, view_func, provide_automatic_options, **options)
