"""What `billet serve` could do at most: the same server, with routes that do nothing, or nothing
but bare boto3 calls: python -m billet.bench.floor_server, a process apart.

Reads {name: operations} from standard input as JSON, and prints its address.
"""

import json
import sys
from typing import Any

from chalice.app import Chalice

from billet.bench import replay
from billet.serve.server import Server


def application(operations: dict[str, list[replay.Operation]]) -> Chalice:
    """An app with the routes /nothing, and /bare/{name} for the operations of each name."""
    app = Chalice(app_name="floor")
    boto3 = replay.client()
    calls = {name: replay.calls(boto3, listed) for name, listed in operations.items()}

    @app.route("/nothing")
    def nothing() -> dict[str, Any]:
        return {}

    @app.route("/bare/{name}", methods=["GET", "POST", "PUT"])
    def bare(name: str) -> Any:
        for method, arguments in calls[name]:
            reply = method(**arguments)
        return {key: reply[key] for key in ("Item", "Items", "Attributes") if key in reply}

    return app


if __name__ == "__main__":
    with Server(application(json.load(sys.stdin)), "127.0.0.1", 0) as server:
        print(server.address, flush=True)  # noqa: T201
        server.serve_until_stopped()
