"""The log of `billet serve`."""

import logging
import os

from billet.serve.logs import PatientHandler


def test_a_log_that_nobody_reads_drops_lines_and_says_how_many() -> None:
    reader, writer = os.pipe()
    record = logging.LogRecord("a", logging.INFO, __file__, 0, "x" * 999, (), None)
    with open(reader, "rb", 0) as pipe, open(writer, "w") as stream:
        handler = PatientHandler(stream, wait_milliseconds=0)
        for _ in range(2000):  # more than the largest pipe of an unprivileged process has
            handler.handle(record)
        written = pipe.read(2**20).splitlines()
        assert set(written) == {b"x" * 999}
        handler.handle(record)
        missing = f"{2000 - len(written)} lines of the log are missing: nobody read it"
        assert pipe.read(2**20).splitlines() == [missing.encode(), b"x" * 999]
        handler.handle(record)
        assert pipe.read(2**20).splitlines() == [b"x" * 999]
