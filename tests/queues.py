"""A queue as a worker sees it: takes a message and runs it, without the worker's own process."""

from celery import Celery

from shared.worker import RUN_TASK


def take_one(celery: Celery, queue: str) -> bool:
    """Run one message of a queue; False when there is none."""
    with celery.connection_for_read() as connection, connection.SimpleQueue(queue) as waiting:
        try:
            message = waiting.get(block=False)
        except waiting.Empty:
            return False
        message.ack()
        (job, rows), _, _ = message.payload
        celery.tasks[RUN_TASK](job, rows)
    return True
