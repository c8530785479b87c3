"""Run the API with a fault and mixed load: `make drill FAULT=slow-database`, `make soak`.

The server, its database and the clients are on this machine. docs/runbook.md shows what
`billet top` says about each fault.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from billet.emulators import dynamodb_local, local_server, moto_server
from billet.emulators.errors import EmulatorError
from billet.migrations import runner
from billet.migrations.scanning import Options
from billet.serve.listening import reserve_port
from billet.top import sources
from billet.top.window import Window, parse
from chalicelib.dynamodb import client
from chalicelib.services import tokens
from chalicelib.settings import Settings
from tests.drills.faults import FAULTS, FIVE, ROOT, Fault
from tests.drills.load import APP, EXPORT, USERS, Load
from tests.drills.waiting import ends_on_signals, wait
from tests.faults.proxy import Proxy
from tests.support import bulk_data

RANDOM = "random"
BILLET = (sys.executable, "-m", "billet")
SETTINGS = {"TABLE_PREFIX": "drill", "AUTH": "on"}


@click.command()
@click.argument("fault", type=click.Choice([*FAULTS, RANDOM]))
@click.option("--seconds", default=120.0, show_default=True)
@click.option("--rate", type=float, help="Requests a second.")
@click.option("--port", default=3000, show_default=True)
@click.option("--workers", default=1, show_default=True)
def main(fault: str, seconds: float, rate: float | None, port: int, workers: int) -> None:
    """Run the API with a fault, and print what `billet top` says at the end."""
    name = random.choice(FIVE) if fault == RANDOM else fault  # noqa: S311
    chosen = FAULTS[name]
    ends_on_signals()
    with _folder(port) as data:
        _run(chosen, data, seconds, rate or chosen.rate, port, workers)
        click.echo(f"The fault was: {name}")
        arguments = ["--data", str(data), "top", "--once", "--minutes", str(seconds / 60)]
        subprocess.run([*BILLET, *arguments], check=True, cwd=ROOT)
        _print_memory(data)


@contextmanager
def _folder(port: int) -> Iterator[Path]:
    """Make the data folder of the drill, and remove it at the end."""
    data = ROOT / ".billet" / f"drill-{port}"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    try:
        yield data
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _run(chosen: Fault, data: Path, seconds: float, rate: float, port: int, workers: int) -> None:
    """Run the server and the load."""
    with ExitStack() as stack:
        database = stack.enter_context(_database())
        proxy = Proxy(database, stack.enter_context(reserve_port("127.0.0.1", 0)))
        local_server.use_endpoint(database)
        given = _fill(chosen)
        proxy.way = chosen.way
        stack.enter_context(proxy.open())
        url = stack.enter_context(_server(proxy.url, chosen, data, port, workers))
        load = Load(url, given, chosen.requests, chosen.tasks, rate)
        load.start()
        stack.callback(load.stop)
        click.echo(f"{url} has load, and a fault or none. See where it hurts:")
        click.echo(f"    {sys.executable} -m billet --data {data.relative_to(ROOT)} top")
        wait(seconds)


@contextmanager
def _database() -> Iterator[str]:
    with ExitStack() as stack:
        try:
            yield stack.enter_context(dynamodb_local.run())
        except EmulatorError:
            yield stack.enter_context(moto_server.run())


def _fill(fault: Fault) -> dict[str, str]:
    """Create tables, users, tasks and tokens; return the tokens by name."""
    os.environ.update(SETTINGS)
    client.bind(Settings.from_environ(os.environ))
    runner.up(options=Options(quiet=True))
    users = bulk_data.add_users(USERS)
    bulk_data.add_tasks(fault.tasks - 10, at_once=80)
    bulk_data.add_tasks(10, users[:3], at_once=10)
    return {name: tokens.issue(name, "editor", None)[0] for name in (APP, EXPORT)}


@contextmanager
def _server(endpoint: str, fault: Fault, data: Path, port: int, workers: int) -> Iterator[str]:
    """Run `billet serve` with the fault's app within the block, and yield its address."""
    log = data / "server.log"
    options = ["--port", str(port), "--workers", str(workers), "--data", str(data), *fault.options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*BILLET, "serve", *options],
            cwd=fault.app_folder,  # python -m finds the module `app` there first
            env={
                **os.environ,
                **fault.settings,
                "PYTHONPATH": str(ROOT),
                "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    for _ in range(600):
        if found := re.search(r"Serving (http://\S+);", log.read_text()):
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise click.ClickException(log.read_text())


def _print_memory(data: Path) -> None:
    """Print the resident memory of a worker over the time."""
    window = Window()
    lines = (parse(text or "") for text in sources.from_server(data, follow=False))
    for line in sorted(filter(None, lines), key=lambda one: one.time):
        window.add(line)
    steps = [one.mb for one in window.observed().memory]
    shown = steps[:: max(1, len(steps) // 12)]
    click.echo(
        f"memory of a process in MB, from start to end: {', '.join(map('{:.1f}'.format, shown))}"
    )


if __name__ == "__main__":
    main()
