"""The worker processes of `billet serve`."""

import logging
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

from billet.serve import hosts, logs, profiler, recent_requests
from billet.serve.asgi import Application
from billet.serve.gateway import Gateway
from chalicelib.http import request_log

log = logging.getLogger(__name__)
FINISH_SECONDS = 10.0
"""How long a stopping worker may take to finish its requests."""


def load_application(
    max_concurrent: int,
    max_waiting: int,
    host: str,
    data: Path,
    *,
    count_requests: bool,
    profiled: bool,
) -> Application:
    """Return the application. From now on the worker ends when its parent process ends.

    Args:
        data: the folder in which `billet top` finds the lines of the requests.
    """
    import app

    logs.set_up()
    if profiled:
        profiler.allow()
    if count_requests:
        from billet.serve import prometheus

        prometheus.count_requests()
    _keep_recent_requests(data)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    allowed = hosts.allowed(app.app.settings, host)
    return Application(Gateway(app.app, allowed), max_concurrent, max_waiting)


def _keep_recent_requests(data: Path) -> None:
    try:
        request_log.observers.append(recent_requests.of_this_process(data).add)
    except OSError as error:
        log.warning("%s cannot be written, so `billet top` sees no requests: %s", data, error)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(FINISH_SECONDS)
        os._exit(1)
