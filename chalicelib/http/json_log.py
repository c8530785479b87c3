"""The log as JSON, one object on each line."""

import logging
import sys

import msgspec

from chalicelib.http import request_log
from chalicelib.http.request_log import Line


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON, with the ids of the request and with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON of a record."""
        if isinstance(record.msg, Line):
            return self.format_line(record.msg)
        request = request_log.current()
        entry = {
            "time": request_log.timestamp(record.created),
            "level": record.levelname,
            "logger": record.name,
            "request_id": request.request_id,
            "trace_id": request.trace.id if request.trace else "",
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry).decode()

    def format_line(self, line: Line) -> str:
        """Return the JSON of a request's line."""
        return str(line)


def omit_unused_parts() -> None:
    """Let the log collect only what JsonFormatter uses; the rest takes as long again."""
    logging.logThreads = False
    logging.logProcesses = False
    logging.logMultiprocessing = False


def set_up_in_lambda(formatter: JsonFormatter) -> None:
    """Write the log to standard output, from which Lambda takes each line, and to nothing else."""
    omit_unused_parts()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.getLogger().handlers = [handler]
