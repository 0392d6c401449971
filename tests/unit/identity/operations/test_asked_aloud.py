"""Staff who help by telephone or at a counter ask the one question too; the answer counts under that channel.  Spec: SH-4, SH-5."""

import re

import pytest
from sqlalchemy import select

from identity.operations.performance import COUNT
from shared.performance.counting import count_days
from shared.performance.tables import performance_days, satisfaction_days
from tests.conformance.identity.test_assistance import AGENT, begin, office
from tests.conformance.identity.test_passkeys import enter
from tests.factories.identity import House

__all__ = ["office"]


@pytest.mark.rule("requirements", "SH-4", "SH-5")
def test_an_agent_asks_how_the_help_went_and_the_answer_counts_at_the_counter(office: House) -> None:
    begin(office)
    agent = enter(office, AGENT)
    page = agent.open("/assist").get_data(as_text=True)
    found = re.search(r'href="(/feedback/[^"]+)"', page)
    assert found, "the page on which the help is ended leads to the question"
    question = agent.open(found[1], headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "the help you got" in question
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', question))
    assert agent.http.post(found[1], data={**hidden, "mark": "6"}, base_url=agent.origin).status_code == 200
    count_days(office.identity, COUNT)
    with office.identity.reading() as tx:
        answer = tx.connection.execute(select(satisfaction_days)).one()
        rows = {row.product: row for row in tx.connection.execute(select(performance_days))}
    assert (answer.product, answer.channel, answer.mark, answer.answers) == ("assistance", "counter", 6, 1)
    assert (rows["assistance"].channel, rows["assistance"].started, rows["assistance"].completed) == ("counter", 1, 0)
