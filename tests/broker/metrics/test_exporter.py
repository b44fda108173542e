"""The ways out: the page over HTTP, pushes to a collector, a loop that does not answer, addresses that cannot be had."""

from __future__ import annotations

import http.server
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from neuraxis.broker.config_table import BrokerSettings
from neuraxis.broker.metrics import exporter as exporter_module
from neuraxis.broker.metrics.exporter import SLICE, Inquiry, of_process, open_exporter
from neuraxis.broker.metrics.survey import Sample, Step
from neuraxis.wire.otlp import Point, read_metrics
from tests.broker.metrics.reading import parse
from tests.broker.sockets import served

WAIT_S = 10


def answered() -> Inquiry:
    inquiry = Inquiry(iter([Sample("topics", (), 3)]))
    while not inquiry.step():
        pass
    return inquiry


def test_an_inquiry_is_answered_slice_by_slice() -> None:
    taken: list[int] = []

    def steps() -> Iterator[Step]:
        for number in range(SLICE + 50):
            taken.append(number)
            yield Sample("topics", (), number)
        yield None
        yield Sample("topics", (), -1)

    inquiry = Inquiry(steps())
    assert not inquiry.step()
    assert len(taken) == SLICE
    with pytest.raises(TimeoutError):
        inquiry.result(0)
    assert not inquiry.step(), "there is a place to pause"
    assert inquiry.step()
    assert len(inquiry.result()) == SLICE + 51


def test_the_page_shows_what_the_loop_gave_and_what_the_system_knows() -> None:
    settings = BrokerSettings({"neuraxis.metrics.listener": "127.0.0.1:0"}, {})
    exporter = open_exporter(answered, settings, ".", "c/1")
    assert exporter is not None
    assert exporter.page is not None
    try:
        with urllib.request.urlopen(exporter.page.url, timeout=WAIT_S) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            page = parse(answer.read().decode())
        assert page.value("neuraxis_topics") == 3
        assert page.value("process_resident_memory_bytes") > 1_000_000
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(exporter.page.url + "/other", timeout=WAIT_S)
    finally:
        exporter.stop()
    with pytest.raises(OSError):
        urllib.request.urlopen(exporter.page.url, timeout=WAIT_S)


def test_a_loop_that_gives_nothing_is_told_as_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Inquiry, "result", lambda self: Inquiry.step(self) or _too_late())
    settings = BrokerSettings({"neuraxis.metrics.listener": "127.0.0.1:0"}, {})
    exporter = open_exporter(lambda: Inquiry(iter([None])), settings, None, "c/1")
    assert exporter is not None
    assert exporter.page is not None
    try:
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(exporter.page.url, timeout=WAIT_S)
    finally:
        exporter.stop()


def _too_late() -> None:
    raise TimeoutError("the loop gave no numbers")


class Collector:
    """An OpenTelemetry collector that remembers what it got; `code` is what it answers."""

    def __init__(self, code: int = 200) -> None:
        self.points: list[Point] = []
        self.headers: dict[str, str] = {}
        self.paths: list[str] = []
        self.got = threading.Semaphore(0)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.points = list(read_metrics(body, 10_000))
                outer.headers = {name.lower(): value for name, value in self.headers.items()}
                outer.paths.append(self.path)
                self.send_response(code)
                self.send_header("Content-Length", "0")
                self.end_headers()
                outer.got.release()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join(WAIT_S)
        self.server.server_close()


def test_metrics_are_pushed_to_a_collector_again_and_again() -> None:
    collector = Collector()
    settings = {
        "neuraxis.otlp.endpoint": collector.url,
        "neuraxis.otlp.headers": "x-key=secret, x-other=1",
        "neuraxis.otlp.interval.ms": "100",
    }
    exporter = open_exporter(answered, BrokerSettings(settings, {}), None, "cluster/7")
    assert exporter is not None
    try:
        for _ in range(2):
            assert collector.got.acquire(timeout=WAIT_S)
    finally:
        exporter.stop()
        collector.stop()
    topics = next(point for point in collector.points if point.name == "neuraxis_topics")
    assert topics.value == 3
    assert ("service.instance.id", "cluster/7") in topics.resource
    assert collector.headers["x-key"] == "secret"
    assert collector.headers["content-type"] == "application/x-protobuf"
    assert set(collector.paths) == {"/v1/metrics"}


def test_the_last_numbers_are_pushed_before_the_end_whatever_the_interval() -> None:
    collector = Collector()
    settings = {"neuraxis.otlp.endpoint": collector.url, "neuraxis.otlp.interval.ms": "3600000"}
    exporter = open_exporter(answered, BrokerSettings(settings, {}), None, "cluster/7")
    assert exporter is not None
    exporter.farewell([Sample("topics", (), 4)])
    exporter.stop()
    collector.stop()
    assert [point.value for point in collector.points if point.name == "neuraxis_topics"] == [4]
    assert any(point.name.startswith("process_") for point in collector.points)


def test_a_broker_that_stops_says_goodbye_to_its_collector() -> None:
    collector = Collector()
    kafka = {"neuraxis.otlp.endpoint": collector.url, "neuraxis.otlp.interval.ms": "3600000"}
    with served(kafka=kafka):
        pass
    collector.stop()
    assert any(point.name == "neuraxis_topics" for point in collector.points)


def test_a_collector_that_refuses_is_named_once_and_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    collector = Collector(code=500)
    settings = {
        "neuraxis.otlp.endpoint": f"{collector.url}/own/path",
        "neuraxis.otlp.interval.ms": "100",
    }
    exporter = open_exporter(answered, BrokerSettings(settings, {}), None, "c/1")
    assert exporter is not None
    try:
        for _ in range(3):
            assert collector.got.acquire(timeout=WAIT_S)
    finally:
        exporter.stop()
        collector.stop()
    assert set(collector.paths) == {"/own/path"}
    assert caplog.text.count("metrics cannot be pushed to") == 1


def test_without_a_setting_there_is_no_thread_and_no_socket() -> None:
    assert open_exporter(answered, BrokerSettings({}, {}), None, "c/1") is None


def test_what_cannot_be_done_is_refused_with_the_setting_to_change() -> None:
    def opened(**settings: str) -> object:
        named = {f"neuraxis.{name.replace('_', '.')}": value for name, value in settings.items()}
        return open_exporter(answered, BrokerSettings(named, {}), None, "c/1")

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="--metrics"):
            opened(metrics_listener=f"127.0.0.1:{taken.getsockname()[1]}")
    with pytest.raises(ValueError, match="host:port"):
        opened(metrics_listener="9404")
    with pytest.raises(ValueError, match="http://127"):
        opened(otlp_endpoint="collector:4318")
    with pytest.raises(ValueError, match="name=value"):
        opened(otlp_endpoint="http://127.0.0.1:4318", otlp_headers="key")


def test_scrapes_beyond_the_limit_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter_module, "MAX_SCRAPES", 1)
    settings = BrokerSettings({"neuraxis.metrics.listener": "127.0.0.1:0"}, {})
    exporter = open_exporter(answered, settings, None, "c/1")
    assert exporter is not None
    assert exporter.page is not None
    try:
        with socket.create_connection(("127.0.0.1", exporter.page.port), WAIT_S) as silent:
            silent.sendall(b"GET /metrics HTTP/1.0\r\n")
            with socket.create_connection(("127.0.0.1", exporter.page.port), WAIT_S) as second:
                second.settimeout(WAIT_S)
                assert second.recv(1) == b""
            silent.sendall(b"\r\n")
            silent.settimeout(WAIT_S)
            assert silent.recv(12).startswith(b"HTTP/1.0 200")
    finally:
        exporter.stop()


def test_the_process_is_measured_by_the_names_that_every_process_uses() -> None:
    found = {sample.family: sample.value for sample in of_process(".")}
    assert set(found) == {
        "process_cpu_seconds_total",
        "process_max_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "process_open_fds",
        "disk_free_bytes",
    }
    assert all(value > 0 for value in found.values() if isinstance(value, int | float))
