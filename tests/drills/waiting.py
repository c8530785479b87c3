"""How a drill waits for its end."""

import signal
import threading

import click

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def ends_on_signals() -> None:
    """Have Ctrl-C and SIGTERM end the drill, also if a shell has started it in the background.

    Such a process ignores SIGINT from its start.
    """
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)


def wait(seconds: float) -> None:
    """Wait for the end, or for a signal."""
    try:
        click.echo(f"The load goes on for {seconds:.0f} s; Ctrl-C ends it")
        threading.Event().wait(seconds)
    except KeyboardInterrupt:
        click.echo("The drill was interrupted")
