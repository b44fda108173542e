"""The threads by which the broker's numbers leave: Prometheus's page over HTTP, and pushes to an OpenTelemetry collector.

One of the few places where the outside world begins (`pyproject.toml`, purity). Rule of the file: the core is never touched
here. The loop fills an `Inquiry`, a slice in each turn; what is made of it is made in small pieces with pauses, so that the
loop need not wait for the interpreter either.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
import threading
import time
from itertools import islice
from typing import TYPE_CHECKING

from neuraxis.broker.metrics.push import encoded
from neuraxis.broker.metrics.survey import Sample
from neuraxis.broker.metrics.text import CONTENT_TYPE, exposition
from neuraxis.wire import otlp_writer

if TYPE_CHECKING:
    import socketserver
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeVar

    from neuraxis.broker.config_table import BrokerSettings
    from neuraxis.broker.metrics.survey import Step

    T = TypeVar("T")

logger = logging.getLogger("neuraxis.broker")

SLICE = 200
"""Samples that the loop gives in one turn: some 100 microseconds."""
PIECE = 50
"""Lines or points made between two pauses: some 100 microseconds in which the loop may have to wait for the interpreter."""
PAUSE_S = 0.0002
PATIENCE_S = 5.0
"""How long a scrape waits for the loop, or for its own peer; a loop that gives nothing for so long is stuck."""
MAX_SCRAPES = 4
"""Scrapes at a time; two Prometheus servers and a person are three."""
PUSH_TIMEOUT_S = 10.0
FAREWELL_S = 2.0
"""How long the end waits for the last push: a collector that hangs must not keep a broker from stopping."""


class Inquiry:
    """A question to the loop: it takes `step` until that says True; somebody else waits in `result`."""

    def __init__(self, steps: Iterator[Step]) -> None:
        self._steps = steps
        self._samples: list[Sample] = []
        self._done = threading.Event()

    def step(self) -> bool:
        """Take a slice; whether that was the last. Called by the loop alone."""
        for step in islice(self._steps, SLICE):
            if step is None:
                return False
            self._samples.append(step)
            if len(self._samples) % SLICE == 0:
                return False
        self._done.set()
        return True

    def result(self, patience_s: float = PATIENCE_S) -> list[Sample]:
        """All samples. Raises TimeoutError when the loop does not give them in time."""
        if not self._done.wait(patience_s):
            raise TimeoutError(f"the broker's loop gave no numbers within {patience_s:.0f} s")
        return self._samples


def in_pieces(things: Iterable[T], size: int) -> Iterator[T]:
    """The things, with a pause behind every `size` of them."""
    for number, thing in enumerate(things, 1):
        yield thing
        if number % size == 0:
            time.sleep(PAUSE_S)


def of_process(data_dir: str | None) -> Iterator[Sample]:
    """What the operating system knows of this process and of the data directory's disk; nothing where it does not say."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    yield Sample("process_cpu_seconds_total", (), int((used.ru_utime + used.ru_stime) * 1e9))
    yield Sample("process_max_fds", (), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    try:
        with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(") ")[2].split()
        with open("/proc/uptime", encoding="ascii") as file:
            up_s = float(file.read().split()[0])
        yield Sample("process_resident_memory_bytes", (), int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))  # rss
        age_s = up_s - int(fields[19]) / os.sysconf("SC_CLK_TCK")
        yield Sample("process_start_time_seconds", (), time.time_ns() - int(age_s * 1e9))
        yield Sample("process_open_fds", (), len(os.listdir("/proc/self/fd")))
    except OSError:
        logger.debug("there is no /proc to read")
    if data_dir is not None:
        try:
            found = os.statvfs(data_dir)
        except OSError as error:
            logger.debug("the free space of %s is not known: %s", data_dir, error)
        else:
            yield Sample("disk_free_bytes", (), found.f_bavail * found.f_frsize)


def release() -> str:
    """The version of the package that runs. (Imported here: it takes a twentieth of a start, and few ask.)"""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("neuraxis")
    except PackageNotFoundError:
        return "unknown"  # run from a checkout that nobody installed


class Page:
    """Prometheus's page at `/metrics`. `host` and `port` are what it listens on."""

    def __init__(self, ask: Callable[[], list[Sample]], host: str, port: int) -> None:
        """Bind. Raises OSError for an address that cannot be had."""
        self._server = _http_server(ask, host, port)
        self.host = host
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="neuraxis-metrics", daemon=True
        )

    @property
    def url(self) -> str:
        """Where the page is."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/metrics"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(PATIENCE_S)
        self._server.server_close()


def _http_server(ask: Callable[[], list[Sample]], host: str, port: int) -> socketserver.TCPServer:
    """An HTTP server with one page. (Imported where it is used: most brokers have no page.)"""
    import http.server
    import socket

    free = threading.BoundedSemaphore(MAX_SCRAPES)

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = PATIENCE_S
        server_version = f"neuraxis/{release()}"
        sys_version = ""

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path != "/metrics":
                self.send_error(404, "The metrics are at /metrics")
                return
            try:
                samples = ask()
            except TimeoutError as error:
                self.send_error(503, str(error))
                return
            body = "".join(in_pieces(exposition(samples), PIECE)).encode()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            logger.debug("metrics page: " + format, *args)  # noqa: G003  # the base class hands over a format

    class PageServer(http.server.ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = True
        block_on_close = False

        def process_request(self, request: object, client_address: object) -> None:
            if not free.acquire(blocking=False):
                self.shutdown_request(request)  # type: ignore[arg-type]  # the socket that was accepted
                return
            super().process_request(request, client_address)  # type: ignore[arg-type]  # as above

        def process_request_thread(self, request: object, client_address: object) -> None:
            try:
                super().process_request_thread(request, client_address)  # type: ignore[arg-type]  # as above
            finally:
                free.release()

        def handle_error(self, request: object, client_address: object) -> None:
            logger.debug("a scrape from %s ended early: %s", client_address, sys.exc_info()[1])

    return PageServer((host, port), Handler)


class Pusher:
    """Sends the numbers to a collector (OTLP over HTTP, protobuf) again and again."""

    def __init__(
        self,
        ask: Callable[[], list[Sample]],
        endpoint: str,
        headers: dict[str, str],
        interval_s: float,
        resource_attributes: dict[str, str],
    ) -> None:
        self._ask = ask
        self._endpoint = endpoint
        self._headers = {"Content-Type": "application/x-protobuf", **headers}
        self._interval_s = interval_s
        self._resource = resource_attributes
        self._start_ns = time.time_ns()
        self._failing = False
        self._last: list[Sample] | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="neuraxis-otlp", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def farewell(self, samples: list[Sample]) -> None:
        """Send these, the last numbers, and no more."""
        self._last = samples
        self._end.set()

    def stop(self) -> None:
        """Send no more; only a farewell is waited for, for a moment."""
        self._end.set()
        if self._last is not None:
            self._thread.join(FAREWELL_S)

    def _run(self) -> None:
        while not self._end.wait(self._interval_s):
            self._try(self._ask, PUSH_TIMEOUT_S)
        last = self._last
        if last is not None and not self._failing:
            self._try(lambda: last, FAREWELL_S)

    def _try(self, ask: Callable[[], list[Sample]], timeout_s: float) -> None:
        try:
            self._push(ask(), timeout_s)
        except (
            OSError,
            ValueError,
        ) as error:  # urllib's errors are OSErrors, those of a bad answer ValueErrors
            if not self._failing:
                logger.warning(
                    "metrics cannot be pushed to %s: %s; trying again every %.0f s (neuraxis.otlp.endpoint)",
                    self._endpoint,
                    error,
                    self._interval_s,
                )
            self._failing = True
        else:
            self._failing = False

    def _push(self, samples: list[Sample], timeout_s: float) -> None:
        import http.client
        import urllib.request

        times = otlp_writer.Times(self._start_ns, time.time_ns())
        metrics = in_pieces(encoded(samples, times), 1)
        body = otlp_writer.request(self._resource, ("neuraxis", release()), metrics)
        question = urllib.request.Request(self._endpoint, body, self._headers, method="POST")
        try:
            with urllib.request.urlopen(question, timeout=timeout_s) as answer:
                answer.read(65_536)
        except http.client.HTTPException as error:
            raise ValueError(f"the collector's answer is no HTTP: {error!r}") from error


class Exporter:
    """Whatever ways out the settings ask for. `page` is None where there is none."""

    def __init__(
        self,
        inquire: Callable[[], Inquiry],
        settings: BrokerSettings,
        data_dir: str | None,
        instance: str,
    ) -> None:
        """Bind the page. Raises OSError or ValueError that say which setting to change."""

        def ask() -> list[Sample]:
            samples = inquire().result()
            return [*samples, *of_process(data_dir)]

        self._data_dir = data_dir
        self.page: Page | None = None
        self._pusher: Pusher | None = None
        endpoint = settings.string("neuraxis.otlp.endpoint")
        if endpoint:
            self._pusher = Pusher(
                ask,
                _collector_url(endpoint),
                _headers(settings.string("neuraxis.otlp.headers")),
                settings.integer("neuraxis.otlp.interval.ms") / 1000,
                {
                    "service.name": "neuraxis",
                    "service.version": release(),
                    "service.instance.id": instance,
                },
            )
        address = settings.string("neuraxis.metrics.listener")
        if address:
            self.page = _page(ask, address)

    def start(self) -> None:
        """Begin."""
        if self.page is not None:
            self.page.start()
        if self._pusher is not None:
            self._pusher.start()

    def farewell(self, samples: list[Sample]) -> None:
        """The loop is about to end and these are its last numbers: what a collector should not miss."""
        if self._pusher is not None:
            self._pusher.farewell([*samples, *of_process(self._data_dir)])

    def stop(self) -> None:
        """End."""
        if self.page is not None:
            self.page.stop()
        if self._pusher is not None:
            self._pusher.stop()


def _page(ask: Callable[[], list[Sample]], address: str) -> Page:
    host, separator, port = address.rpartition(":")
    if not separator or not port.isdecimal() or int(port) > 65_535:
        raise ValueError(
            f"neuraxis.metrics.listener is {address!r}: write host:port, for example 127.0.0.1:9404"
        )
    try:
        return Page(ask, host.strip("[]") or "0.0.0.0", int(port))
    except OSError as error:
        what = f"cannot serve metrics on {address}: {error.strerror}; choose another address (--metrics HOST:PORT)"
        raise OSError(error.errno, what) from error


def _collector_url(endpoint: str) -> str:
    """Where metrics go: OpenTelemetry's rule is that an endpoint without a path means `/v1/metrics`."""
    scheme, separator, rest = endpoint.partition("://")
    if not separator or scheme not in ("http", "https"):
        raise ValueError(
            f"neuraxis.otlp.endpoint is {endpoint!r}: write a URL, for example http://127.0.0.1:4318"
        )
    return endpoint if rest.partition("/")[2] else f"{scheme}://{rest.rstrip('/')}/v1/metrics"


def _headers(text: str) -> dict[str, str]:
    """Pairs `name=value` between commas, as in OTEL_EXPORTER_OTLP_HEADERS. Raises ValueError."""
    found = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, separator, value = pair.partition("=")
        if not separator or not name.strip():
            raise ValueError("neuraxis.otlp.headers: write name=value, and commas between several")
        found[name.strip()] = value.strip()
    return found


def open_exporter(
    inquire: Callable[[], Inquiry], settings: BrokerSettings, data_dir: str | None, instance: str
) -> Exporter | None:
    """Begin to export as the settings say; None where they ask for nothing. Raises OSError or ValueError."""
    wanted = ("neuraxis.metrics.listener", "neuraxis.otlp.endpoint")
    if not any(settings.string(name) for name in wanted):
        return None
    exporter = Exporter(inquire, settings, data_dir, instance)
    exporter.start()
    return exporter
