"""The fixtures that every other test stands on."""

import socket

import psycopg
import pytest
import redis
from pytest_socket import SocketConnectBlockedError


def test_an_empty_database_belongs_to_a_role_that_is_no_superuser(empty_database):
    with psycopg.connect(empty_database("pay")) as connection:
        row = connection.execute(
            "SELECT rolsuper, pg_get_userbyid(datdba) = current_user FROM pg_roles, pg_database"
            " WHERE rolname = current_user AND datname = current_database()"
        ).fetchone()
    assert row == (False, True)


@pytest.mark.parametrize("round_number", [1, 2])
def test_redis_is_empty_for_each_test(redis_url, round_number):
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", round_number)


def test_the_outside_cannot_be_reached():
    with socket.socket() as connection, pytest.raises(SocketConnectBlockedError):
        connection.connect(("192.0.2.1", 80))
