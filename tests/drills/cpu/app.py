"""The API with a slow computation: each request uses 40 ms of CPU more."""

import time

from tests.drills.original import app, before_each_request

__all__ = ["app"]
CPU_SECONDS = 0.04


def burn() -> None:
    end = time.thread_time() + CPU_SECONDS
    while time.thread_time() < end:
        pass


before_each_request(burn)
