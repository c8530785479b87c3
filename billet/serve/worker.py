"""The worker processes of `billet serve`."""

import multiprocessing
import os
import signal
import threading
import time

from billet.serve import hosts, logs
from billet.serve.asgi import Application
from billet.serve.gateway import Gateway

FINISH_SECONDS = 10.0
"""How long a stopping worker may take to finish its requests."""


def load_application(
    max_concurrent: int, max_waiting: int, host: str, *, count_requests: bool
) -> Application:
    """Return the application. From now on the worker ends when its parent process ends."""
    import app

    logs.set_up()
    if count_requests:
        from billet.serve import prometheus

        prometheus.count_requests()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    allowed = hosts.allowed(app.app.settings, host)
    return Application(Gateway(app.app, allowed), max_concurrent, max_waiting)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(FINISH_SECONDS)
        os._exit(1)
