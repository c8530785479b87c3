"""A process that serves requests under a shared quota, at a time that does not pass.

For each number that it reads, it sends itself as many requests and writes how many were admitted;
at the end of its input, it writes how many write units that took.
"""

import os
import sys
import time

from chalice.test import Client

from billet.metering import record_usage
from chalicelib.app_factory import BilletApp
from chalicelib.dynamodb import client
from chalicelib.services import rate_limiter
from chalicelib.settings import Settings


def report(number: float) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


now = float(sys.argv[1])
time.time = lambda: now
# The machine may be busy.
rate_limiter.LEASE_SECONDS = 30.0
client.READ_TIMEOUT = 15.0
connection = client.connect()
settings = Settings.from_environ(os.environ)
client.bind(settings, connection)
with record_usage(connection) as bill, Client(BilletApp(settings), stage_name="local") as served:
    for line in sys.stdin:
        responses = [served.http.get("/docs/start.js") for _ in range(int(line))]
        report(sum(response.status_code == 200 for response in responses))
report(bill.write_units)
