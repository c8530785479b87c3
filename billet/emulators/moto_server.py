"""An emulator of DynamoDB in this process: moto's server, one request at a time.

moto keeps no order among threads: a transaction that rolls back restores a copy of the table, and
what another thread wrote meanwhile is lost. So this server has one thread.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from billet.extras import install_command


class NotInstalled(Exception):
    """moto is not installed; the text says how to install it."""


@contextmanager
def running() -> Iterator[str]:
    """Runs it on a free port; gives its URL. What it holds is gone afterwards.

    Raises:
        NotInstalled: moto, which a server on files does not need, is not installed.
    """
    try:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server
    except ModuleNotFoundError as error:
        raise NotInstalled(
            f"a database in memory needs moto: {install_command('memory')} "
            "(or make serve ARGS='--db memory')"
        ) from error
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, app, threaded=False)
    thread = threading.Thread(target=server.serve_forever, name="moto", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
