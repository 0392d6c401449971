"""Browsers of people of a team."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from notify.models import Service
from tests.factories.notify import World
from tests.factories.notify_console import ORG, sign_in


@pytest.fixture
def team(app: Flask, world: World) -> Callable[..., FlaskClient]:
    """`team("owner")` is a browser of a person with that role at the service's organisation."""
    with world.notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(org_id=ORG))
    world.notify.catalogue.forget()
    return lambda *roles, **facts: sign_in(
        app, *(role if ":" in role or role == "operator" else f"{ORG}:{role}" for role in roles), **facts
    )
