"""The command `billet top`."""

import math
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
from rich.console import Console
from rich.live import Live

from billet.serve.recent_requests import FILES
from billet.top import keyboard, screen, sources
from billet.top.summary import Summary, summarize
from billet.top.window import Window, parse

MINUTES = 5.0
REFRESH_SECONDS = 1.0
STDIN = "-"


class Source(NamedTuple):
    """The lines, and whether their times are about now."""

    texts: sources.Texts
    current: bool


@click.command()
@click.argument("file", required=False)
@click.option(
    "--log-group", metavar="NAME", help="Read a log group of CloudWatch Logs, /aws/lambda/…."
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0.1, max=1440),
    help=f"Length of the window. The default is {MINUTES:.0f}; with --once and a file, all of it.",
)
@click.option(
    "--sort",
    type=click.Choice(list(screen.SORT_KEYS)),
    default=screen.DEFAULT_KEY,
    show_default=True,
    help="Key of the column to sort by, as on the screen.",
)
@click.option("--once", is_flag=True, help="Print the table once and end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON once and end.")
@click.pass_context
def top(
    context: click.Context,
    file: str | None,
    log_group: str | None,
    minutes: float | None,
    sort: str,
    once: bool,
    as_json: bool,
) -> None:
    """Show where the time of the requests goes, by route, and the likely cause if they are slow.

    Reads the lines of requests of the running `billet serve`, of FILE, or of standard input if
    FILE is -. Without --once it goes on until q or Ctrl-C.
    """
    if file and log_group:
        raise click.UsageError("FILE and --log-group: give one of them")
    live = not (once or as_json)
    if live and not sys.stdout.isatty():
        raise click.UsageError("standard output is no terminal: add --once or --json")
    whole = file is not None and not live
    seconds = 60 * (minutes or (math.inf if whole else MINUTES))
    source = _source(context.find_root().params["data"], file, log_group, seconds, follow=live)
    window = Window(seconds)
    if live:
        _show_live(source, window, sort)
        return
    _read(source, window, threading.Lock())
    if source.current:
        window.advance(time.time())
    summary = summarize(window.observed())
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(summary), indent=2).decode())
    else:
        console = Console(width=None if sys.stdout.isatty() else screen.WIDTH, highlight=False)
        console.print(screen.render(summary, sort, width=console.width))


def _source(
    data: Path, file: str | None, log_group: str | None, seconds: float, *, follow: bool
) -> Source:
    if log_group:
        return Source(_from_log_group(log_group, seconds, follow=follow), current=True)
    if file == STDIN:
        return Source(iter(sys.stdin), current=follow)
    if file:
        path = Path(file)
        if not path.is_file():
            raise click.ClickException(f"{file}: is not a file")
        return Source(sources.from_files([path], follow=follow), current=False)
    if not any(data.glob(FILES)):
        raise click.ClickException(
            f"no requests: no `billet serve` with the data folder {data} has run in the last hour; "
            "give a FILE, - for standard input, or --log-group"
        )
    return Source(sources.from_server(data, follow=follow), current=True)


def _from_log_group(group: str, seconds: float, *, follow: bool) -> sources.Texts:
    from billet.cli import target
    from billet.cli.errors import aws_errors

    with aws_errors(f"{group}: "):
        logs = target.session().client("logs")
        since = time.time() - seconds
        yield from sources.from_log_group(logs, group, since, follow=follow)


def _read(source: Source, window: Window, lock: threading.Lock) -> None:
    for text in source.texts:
        if text is not None and (line := parse(text)):
            with lock:
                window.add(line)


class _Reader(threading.Thread):
    """Adds the lines of a source to a window."""

    def __init__(self, source: Source, window: Window) -> None:
        super().__init__(name="reader", daemon=True)
        self._source, self._window = source, window
        self._lock = threading.Lock()
        self.failure: click.ClickException | None = None

    def run(self) -> None:
        try:
            _read(self._source, self._window, self._lock)
        except click.ClickException as error:
            self.failure = error

    def summary(self) -> Summary:
        """Return the summary of the window now."""
        with self._lock:
            if self._source.current:
                self._window.advance(time.time())
            observed = self._window.observed()
        return summarize(observed)


def _show_live(source: Source, window: Window, sort: str) -> None:
    reader = _Reader(source, window)
    reader.start()
    with keyboard.keys() as read_key, Live(screen=True, auto_refresh=False) as live:
        try:
            while not reader.failure:
                width = live.console.width
                table = screen.render(reader.summary(), sort, width=width, live=True)
                live.update(table, refresh=True)
                key = read_key(REFRESH_SECONDS)
                if key == "q":
                    break
                sort = key if key in screen.SORT_KEYS else sort
        except KeyboardInterrupt:
            pass
    if reader.failure:
        raise reader.failure
