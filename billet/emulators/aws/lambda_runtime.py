"""Run a function as Lambda's runtime does: an event in each line of standard input.

    python lambda_runtime.py app.app

Each reply is a line of JSON on standard output. What the function prints goes to standard error.
The program uses the standard library only, for it runs in any Python.
"""

import importlib
import json
import os
import sys
import time
import traceback
import uuid


class Context:
    """The second argument of a handler."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self.aws_request_id = str(uuid.uuid4())
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.invoked_function_arn = ""
        self.log_group_name = self.log_stream_name = ""

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int(1000 * (self._end - time.monotonic())))


def main(handler_name: str, seconds: float) -> None:
    """Answer events until standard input is closed."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    module, _, name = handler_name.rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    for line in sys.stdin:
        try:
            reply = {"result": handler(json.loads(line), Context(seconds))}
        except Exception as error:  # noqa: BLE001, each becomes a reply
            traceback.print_exc()
            reply = {"error": repr(error)}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
