"""Messages that the bench writes in bulk are such as notify would have left: they are listed, found and opened."""

from datetime import timedelta

from flask.testing import FlaskClient

from deploy.bench.notify_rows import fill
from notify.context import Notify
from tests.factories.notify import World
from tests.factories.notify_fixtures import app, client, notify, world

__all__ = ["app", "client", "notify", "world"]


def test_what_is_written_is_listed_page_by_page(client: FlaskClient, notify: Notify, world: World) -> None:
    templates = {channel: str(key) for channel, key in world.templates.items()}
    clock = notify.clock.now()
    fill(notify, notify.settings.database_url.reveal(), world.service_id, templates, 600, newest=clock - timedelta(hours=1))
    seen: list[str] = []
    address = "/v2/notifications"
    while page := client.get(address, headers=world.headers()).json["notifications"]:
        seen += [one["id"] for one in page]
        address = f"/v2/notifications?older_than={page[-1]['id']}"
    assert len(set(seen)) == len(seen) == 600
    failed = client.get("/v2/notifications?status=failed", headers=world.headers()).json["notifications"]
    assert {one["status"] for one in failed} == {"permanent-failure", "temporary-failure"}
    [one] = client.get("/v2/notifications?reference=REF-300", headers=world.headers()).json["notifications"]
    assert one["reference"] == "REF-300"
