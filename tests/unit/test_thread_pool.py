"""The threads that run requests."""

import asyncio

from billet.serve.thread_pool import _Job


def test_a_request_that_ends_after_its_server_has_stopped_is_no_error() -> None:
    ended: list[bool] = []

    async def accept() -> _Job:
        return _Job(lambda: ended.append(True))

    asyncio.run(accept()).run()
    assert ended == [True]
