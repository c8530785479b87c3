"""Print the lines of Lambda processes that each handle few requests: many cold starts.

python -m tests.drills.cold_starts > lines.jsonl
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from billet.emulators import local_server, moto_server
from billet.migrations import runner
from billet.migrations.scanning import Options
from chalicelib.dynamodb import client
from chalicelib.settings import Settings

ROOT = Path(__file__).parents[2]
PROCESSES = 8
REQUESTS = 4
HANDLER = """
import json, sys, app
from chalice.local import LambdaContext
for _ in range(int(sys.argv[1])):
    app.app(json.load(open(sys.argv[2])), LambdaContext("APIHandler", 1024, 60_000))
"""
EVENT = {
    "requestContext": {
        "httpMethod": "GET",
        "resourcePath": "/v1/tasks/{task_id}",
        "identity": {"sourceIp": "127.0.0.1"},
        "path": "/v1/tasks/1",
    },
    "headers": {"host": "localhost"},
    "pathParameters": {"task_id": "1"},
    "stageVariables": {},
    "multiValueQueryStringParameters": None,
    "body": None,
}


def main() -> None:
    """Run the processes one after the other."""
    event = ROOT / ".billet" / "event.json"
    event.parent.mkdir(exist_ok=True)
    event.write_text(json.dumps(EVENT))
    with moto_server.run() as url:
        local_server.use_endpoint(url)
        client.bind(Settings())
        runner.up(options=Options(quiet=True))
        for _ in range(PROCESSES):
            subprocess.run(
                [sys.executable, "-c", HANDLER, str(REQUESTS), str(event)],
                cwd=ROOT,
                env={**os.environ, "AWS_LAMBDA_FUNCTION_NAME": "APIHandler"},
                check=True,
            )


if __name__ == "__main__":
    main()
