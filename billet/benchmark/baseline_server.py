"""What `billet serve` could do at most: the same server, with routes that do nothing, or nothing
but bare boto3 calls: python -m billet.benchmark.baseline_server, a process apart.

Reads {name: operations} from standard input as JSON, and prints its address.
"""

import json
import sys
import threading
from typing import Any

from billet.benchmark import replay
from billet.serve.asgi import Application
from billet.serve.embedded import serving
from billet.serve.gateway import Gateway
from chalicelib.app_factory import BilletApp
from chalicelib.settings import Settings


def application(operations: dict[str, list[replay.Operation]]) -> BilletApp:
    """The app with more routes: /nothing, and /bare/{name} for the operations of each name."""
    app = BilletApp(Settings())
    boto3 = replay.client()
    calls = {name: replay.calls(boto3, listed) for name, listed in operations.items()}

    @app.route("/nothing")
    def nothing() -> dict[str, Any]:
        return {}

    @app.route("/bare/{name}", methods=["GET", "POST", "PUT"])
    def bare(name: str) -> Any:
        reply: dict[str, Any] = {}
        for method, arguments in calls[name]:
            reply = method(**_anew(arguments, reply))
        return {key: reply[key] for key in ("Item", "Items", "Attributes") if key in reply}

    return app


def _anew(arguments: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
    """A new item gets the id that the counter before it gave, also in its sort keys."""
    if "Item" not in arguments:
        return arguments
    last = reply["Attributes"]["last"]["N"]
    before, after = (f"#{int(ident):016d}" for ident in (arguments["Item"]["id"]["N"], last))
    item = {
        name: {kind: text.replace(before, after) for kind, text in value.items()}
        for name, value in arguments["Item"].items()
    }
    return {**arguments, "Item": {**item, "id": {"N": last}}}


if __name__ == "__main__":
    with serving(Application(Gateway(application(json.load(sys.stdin))))) as address:
        print(address, flush=True)  # noqa: T201
        threading.Event().wait()
