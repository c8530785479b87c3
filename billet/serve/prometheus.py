"""Metrics for Prometheus: those of granian, and those of the requests of all workers.

Each worker counts in files of a folder that they share, which the main process reads:
https://prometheus.github.io/client_python/multiprocess/
"""

import errno
import fcntl
import logging
import os
import re
import tempfile
import threading
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from billet.serve.listening import port_in_use
from chalicelib.http import metrics, request_log
from chalicelib.http.request_log import Line

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus_client looks for the folder, when it is imported."""
BUCKETS = (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000)
"""The upper limits of the histograms' buckets in milliseconds."""
GRANIAN_SECONDS = 2.0
ENDED = "ended"
"""Stands for the process id in the names of the files with the counts of ended workers."""

log = logging.getLogger(__name__)


@contextmanager
def serving(host: str, port: int, setting: str, granian_port: int) -> Iterator[None]:
    """Serve the metrics of all workers that start within the block, at `/metrics`.

    Args:
        setting: the setting of the port, for an error message.
        granian_port: the local port at which granian serves its own metrics.

    Raises:
        click.ClickException: another process uses the port.
    """
    registry = CollectorRegistry()
    with tempfile.TemporaryDirectory(prefix="billet-metrics-") as folder:
        os.environ[FOLDER_VARIABLE] = folder
        descriptor = os.open(folder, os.O_RDONLY)
        # systemd-tmpfiles leaves a locked folder alone.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        registry.register(Workers(Path(folder)))
        registry.register(_Granian(granian_port))
        try:
            server, thread = start_http_server(port, host, registry)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise click.ClickException(f"{host}:{port}: {error.strerror}") from error
            raise port_in_use(port, setting) from error
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
            os.close(descriptor)
            del os.environ[FOLDER_VARIABLE]


class Workers(Collector):
    """The metrics that the workers have written to the files of a folder.

    The counts of ended workers are merged into one file of each type, so that the number of files
    stays bounded and no count is lost.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the workers define the metrics."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of all workers; the memory only of those that run."""
        with self._lock:
            ended = [path for path in self._files() if _has_ended(path)]
            for kind in ("counter", "histogram"):
                self._merge(kind, [path for path in ended if path.name.startswith(kind)])
            for path in ended:
                path.unlink(missing_ok=True)
            return _merged(self._files())

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.db"))

    def _merge(self, kind: str, ended: list[Path]) -> None:
        if not ended:
            return
        target, part = self._folder / f"{kind}_{ENDED}.db", self._folder / f"{kind}_{ENDED}.new"
        part.unlink(missing_ok=True)
        values = MmapedDict(str(part))  # type: ignore[no-untyped-call]
        for metric in _merged([*ended, *self._folder.glob(target.name)], accumulate=False):
            for name, labels, value, *_ in metric.samples:
                names, texts = list(labels), list(labels.values())
                key = mmap_key(metric.name, name, names, texts, metric.documentation)
                values.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
        values.close()  # type: ignore[no-untyped-call]
        part.replace(target)


def _merged(files: Iterable[Path], *, accumulate: bool = True) -> list[Metric]:
    names = [str(path) for path in files]
    return list(MultiProcessCollector.merge(names, accumulate))  # type: ignore[no-untyped-call]


def _has_ended(path: Path) -> bool:
    """Return whether the process that wrote a file has ended."""
    found = re.search(r"_(\d+)\.db$", path.name)
    if not found:
        return False
    try:
        os.kill(int(found[1]), 0)
    except OSError:  # no process, or one of another user
        return True
    return False


class _Granian(Collector):
    """The metrics that granian exports at a port of its own."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/metrics"

    def describe(self) -> Iterable[Metric]:
        """Return nothing: there are no metrics before granian has started."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return granian's metrics, or none if it does not respond."""
        try:
            with urllib.request.urlopen(self._url, timeout=GRANIAN_SECONDS) as response:  # noqa: S310  # nosec B310
                text = response.read().decode()
        except OSError:
            return ()
        return text_string_to_metric_families(text)


def count_requests() -> None:
    """Count the requests of this worker from now on.

    If that fails, because a cleaner of temporary files has removed the folder, or the disk is full,
    the requests go on without.
    """
    folder = Path(os.environ[FOLDER_VARIABLE])
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        counter = RequestCounter()
    except OSError as error:
        log.warning("this worker has no metrics: %s: %s", folder, error.strerror)
        return

    def count(line: Line) -> None:
        try:
            counter.count(line)
        except OSError as error:
            log.warning("a request is not in the metrics: %s: %s", folder, error.strerror)
            with suppress(OSError):
                folder.mkdir(mode=0o700, exist_ok=True)

    request_log.observers.append(count)


class RequestCounter:
    """Counts requests by route; their times by route and class of the status, such as 2xx."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._histograms: dict[str, Histogram] = {}
        self._counters: dict[str, Counter] = {}
        registry = registry or CollectorRegistry()
        for name, unit, meaning in metrics.METRICS:
            full = metrics.PREFIX + name
            if unit == "Milliseconds":
                labels = ("route", "status")
                self._histograms[name] = Histogram(
                    full, meaning, labels, buckets=BUCKETS, registry=registry
                )
            else:
                self._counters[name] = Counter(full, meaning, ("route",), registry=registry)
        self._memory = Gauge(
            "billet_memory_mb",
            "resident memory of a worker",
            multiprocess_mode="liveall",
            registry=registry,
        )

    def count(self, line: Line) -> None:
        """Add a request."""
        found = metrics.values(line)
        status = f"{line.status // 100}xx"
        for name, histogram in self._histograms.items():
            histogram.labels(line.route, status).observe(found.pop(name, 0.0))
        for name, value in found.items():
            self._counters[name].labels(line.route).inc(value)
        self._memory.set(line.memory_mb)
