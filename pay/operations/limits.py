"""How often an account may call: fixed windows of one second, by method and by what is costly.  Spec: pay-api.md §21."""

import time

import structlog
from redis.exceptions import RedisError

from pay.context import Pay
from pay.errors import TooManyCalls
from pay.models.account import Account

log = structlog.get_logger("andamio.pay.limits")
KEY = "andamio:pay:calls:"
LOCAL_OTHERS, LOCAL_POSTS = 25, 5
"""Per process and second, while the counter is away: the API stays up."""
KEPT_SECONDS = 3
AWAY_SECONDS = 2.0


def check_rate(pay: Pay, account: Account, method: str, costly: str = "") -> None:
    """Count a call.  `costly` names create and capture, which are counted apart.  Raises: TooManyCalls."""
    is_post = method == "POST"
    key = f"{method}:{costly}:{account.id}"
    second = int(pay.clock.now().timestamp())
    made = _count(pay, f"{KEY}{key}:{second}")
    if made is None:
        made = pay.local_counter.add(key, second)
        most = LOCAL_POSTS if is_post else LOCAL_OTHERS
    else:
        most = account.posts_per_second if is_post else account.others_per_second
    if made > most:
        raise TooManyCalls(most)


def _count(pay: Pay, key: str) -> int | None:
    """Return how many calls there were, or None while Redis is away."""
    if time.monotonic() < pay.local_counter.away_until:
        return None
    try:
        made = int(pay.counter_redis.incr(key))
        if made == 1:
            pay.counter_redis.expire(key, KEPT_SECONDS)
    except RedisError as error:
        pay.local_counter.away_until = time.monotonic() + AWAY_SECONDS
        log.warning("calls counted in this process", error=type(error).__name__)
        return None
    return made
