"""The baseline of section "http": the same server, with routes that make only bare boto3 calls.

    python -m billet.benchmark.baseline_server

Reads {name: operations} as JSON from standard input, and prints the server's address.
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
    """Return the app with the routes /nothing and /bare/{name}, one for each list of operations."""
    app = BilletApp(Settings())
    boto3 = replay.boto3_client()
    calls = {name: replay.boto3_calls(boto3, listed) for name, listed in operations.items()}

    @app.route("/nothing")
    def nothing() -> dict[str, Any]:
        return {}

    @app.route("/bare/{name}", methods=["GET", "POST", "PUT"])
    def bare(name: str) -> Any:
        output: dict[str, Any] = {}
        for method, arguments in calls[name]:
            output = method(**_with_new_id(arguments, output))
        return {key: output[key] for key in ("Item", "Items", "Attributes") if key in output}

    return app


def _with_new_id(arguments: dict[str, Any], counter: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of PutItem with the id that the call to the counter allocated."""
    if "Item" not in arguments:
        return arguments
    ident = counter["Attributes"]["last"]["N"]
    old, new = (f"#{int(one):016d}" for one in (arguments["Item"]["id"]["N"], ident))
    item = {
        name: {kind: text.replace(old, new) for kind, text in value.items()}
        for name, value in arguments["Item"].items()
    }
    return {**arguments, "Item": {**item, "id": {"N": ident}}}


if __name__ == "__main__":
    with serving(Application(Gateway(application(json.load(sys.stdin))))) as address:
        print(address, flush=True)  # noqa: T201
        threading.Event().wait()
