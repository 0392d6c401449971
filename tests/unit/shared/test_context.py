"""What lists are read from while connections come and go."""

from sqlalchemy import text

from shared.context import Context
from shared.settings import Secret
from tests.unit.shared.conftest import make_settings


def test_a_list_is_read_from_the_database_itself_when_a_kept_connection_to_the_replica_died(shared_database: str, redis_url: str) -> None:
    context = Context(make_settings(shared_database, redis_url, read_database_url=Secret(shared_database)), "toy")
    own = text("SELECT pg_backend_pid()")
    try:
        with context.listing() as tx:
            kept = tx.connection.execute(own).scalar_one()
        with context.db.begin() as connection:
            assert connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": kept}).scalar_one() is True
        with context.listing() as tx:
            listed = tx.connection.execute(own).scalar_one()
        with context.reading() as tx:
            assert tx.connection.execute(own).scalar_one() == listed
    finally:
        context.close()
