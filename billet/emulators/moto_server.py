"""A database in memory: moto's DynamoDB server in this process.

The server has one thread. moto does not isolate threads: when a transaction fails, moto restores a
copy of the table, and what other threads wrote in the meantime is lost.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from billet.emulators.errors import EmulatorError
from billet.extras import install_command


@contextmanager
def run() -> Iterator[str]:
    """Run the server on a free port within the block, and yield its URL.

    Raises:
        EmulatorError: moto is not installed.
    """
    try:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server
    except ModuleNotFoundError as error:
        raise EmulatorError(
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
