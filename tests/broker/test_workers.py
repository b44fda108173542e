"""Works on threads: syncs overtake the rest, failures are told, the bell wakes the loop and nobody else."""

from __future__ import annotations

import json
import selectors
import socket
import threading
from pathlib import Path

import pytest

from neuraxis.broker.authorisation import audit as audit_module
from neuraxis.broker.authorisation.audit import Audit
from neuraxis.broker.call import Call
from neuraxis.broker.log.fs import File
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.session import Session
from neuraxis.broker.work import Derive, Now, Read, Sync, SyncDir, Work
from neuraxis.broker.workers import QUICK_SYNC_NS, SLOW_SYNC_FACTOR, AuditLog, Wake, Workers
from tests.broker.sockets import GatedFs


def test_a_wake_up_wakes_once_and_a_closed_one_touches_no_other_file() -> None:
    wake = Wake()
    wake.ring()
    wake.ring()
    wake.clear()
    with pytest.raises(BlockingIOError):
        wake.clear()
    number = wake.fd
    wake.close()
    with socket.socket() as reused:
        # The number is free now; a ring must not write to whoever got it.
        assert wake.fd != number
        wake.ring()
        assert reused.fileno() >= 0
    wake.close()


def test_syncs_do_not_queue_behind_slow_background_works() -> None:
    class SlowFs(GatedFs):
        def sync_dir(self, path: str) -> None:
            assert self.gate.wait(5), "the sync came too late"

    fs, wake = SlowFs(), Wake()
    file = fs.open("journal", create=True)
    workers = Workers(fs, wake)
    workers.start()
    fs.gate.clear()
    for number in range(5):
        workers.submit(Work(number, "checkpoint", (SyncDir(""),)))
    synced = threading.Event()
    fs.sync = lambda file: synced.set()  # type: ignore[method-assign]  # this disk syncs at once
    workers.submit(Work(9, "sync", (Sync(file),)))
    assert synced.wait(5)
    fs.gate.set()
    assert workers.stop()
    assert sorted(work_id for work_id, _, _ in workers.results) == [0, 1, 2, 3, 4, 9]
    wake.close()


def test_reads_wait_neither_for_background_works_nor_for_the_first_of_them() -> None:
    class SlowFs(GatedFs):
        def sync_dir(self, path: str) -> None:
            assert self.gate.wait(5), "the reads came too late"

        def read(self, file: File, position: int, length: int) -> bytes:
            if not position:
                assert self.gate.wait(5), "the other reads came too late"
            return super().read(file, position, length)

    fs, wake = SlowFs(), Wake()
    file = fs.open("segment", create=True)
    fs.write(file, 0, b"abcd")
    workers = Workers(fs, wake)
    workers.start()
    fs.gate.clear()
    for number in range(5):
        workers.submit(Work(number, "clean", (SyncDir(""),)))
    for number in range(4):
        workers.submit(Work(10 + number, "read", (Read(file, number, 1),)))
    with selectors.DefaultSelector() as waiting:
        waiting.register(wake.fd, selectors.EVENT_READ)
        while len(workers.results) < 3:
            assert waiting.select(5), "the reads did not come"
            wake.clear()
    assert sorted(workers.results) == [
        (10 + number, b"abcd"[number : number + 1], None) for number in (1, 2, 3)
    ]
    fs.gate.set()
    assert workers.stop(), "the threads for reads end, too"
    assert workers.times()["read"].count == 4
    wake.close()


def test_a_work_that_fails_reports_its_error_whatever_it_was(caplog: pytest.LogCaptureFixture) -> None:
    fs, wake = GatedFs(), Wake()
    failure = fs.failure = OSError(28, "No space left on device")
    file = fs.open("journal", create=True)
    workers = Workers(fs, wake)
    workers.start()
    workers.submit(Work(1, "sync", (Sync(file),)))
    workers.submit(Work(2, "checkpoint", ("no step",)))  # type: ignore[arg-type]  # a bug of ours
    assert workers.stop()
    errors = {work_id: error for work_id, _, error in workers.results}
    assert errors[1] is failure
    assert isinstance(errors[2], OSError)
    assert "work checkpoint failed" in caplog.text
    wake.close()


class TimedFs(MemoryFs):
    """A disk whose syncs take as long as the test says, on a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.now_ns = 0
        self.sync_ns = QUICK_SYNC_NS // 2
        self.threads: list[str] = []
        monkeypatch.setattr("neuraxis.broker.workers.time.monotonic_ns", lambda: self.now_ns)

    def sync(self, file: File) -> None:
        self.threads.append(threading.current_thread().name)
        self.now_ns += self.sync_ns


def test_the_loop_does_a_sync_itself_while_the_disk_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    fs, wake = TimedFs(monkeypatch), Wake()
    work = Work(1, "sync", (Sync(fs.open("journal", create=True)),))
    workers = Workers(fs, wake)
    workers.start()

    def on_the_thread() -> None:
        before = len(workers.results)
        workers.submit(work)
        with selectors.DefaultSelector() as selector:
            selector.register(wake.fd, selectors.EVENT_READ)
            assert selector.select(5), "the thread rings"
        wake.clear()
        assert len(workers.results) == before + 1
        workers.in_flight -= 1

    def here() -> bool:
        done = workers.do_here(work, fs.now_ns)
        if done:
            workers.in_flight -= 1
        return done

    assert not here(), "how quick the disk is, the thread finds out"
    on_the_thread()
    assert here()
    workers.in_flight = 1
    assert not here(), "the disk is busy with another"
    workers.in_flight = 0
    fs.sync_ns = 10 * QUICK_SYNC_NS
    slow_from_ns = fs.now_ns
    assert here(), "a stall of the disk comes unannounced"
    fs.sync_ns = QUICK_SYNC_NS // 2
    on_the_thread()
    assert not here(), "it was quick again, but the stall has to be made up for"
    fs.now_ns = slow_from_ns + 10 * QUICK_SYNC_NS * SLOW_SYNC_FACTOR * 10
    assert here()
    threads = [name == threading.current_thread().name for name in fs.threads]
    assert threads == [False, True, True, False, True]
    assert workers.times()["sync"].count == 5
    assert workers.stop()
    wake.close()


def test_workers_that_were_never_started_stop_at_once() -> None:
    wake = Wake()
    assert Workers(GatedFs(), wake).stop()
    wake.close()


def audited(audit: Audit, *names: str, allowed: bool = False) -> None:
    session = Session(1, "PLAINTEXT", "10.0.0.7", 1, principal="User:ann")
    call = Call(session, 0, 12, 1, "app", 1, Now(0, 1_750_000_000_000), [])
    for name in names:
        audit.decided(call, 4, 2, name, allowed=allowed)


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(each) for each in path.read_text().splitlines()]


def test_the_audit_log_is_written_as_json_lines_for_the_owner_alone(tmp_path: Path) -> None:
    audit = Audit()
    log = AuditLog(audit, str(tmp_path / "logs" / "audit.log"), 1 << 20, 3)
    log.start()
    audited(audit, "drives", "\u2028\ud800")
    audited(audit, "seen", allowed=True)
    log.stop()
    path = tmp_path / "logs" / "audit.log"
    first, second = lines_of(path)
    assert first == {
        "time": "2025-06-15T15:06:40.000Z",
        "principal": "User:ann",
        "host": "10.0.0.7",
        "listener": "PLAINTEXT",
        "client_id": "app",
        "api": "Produce",
        "operation": "WRITE",
        "resource_type": "TOPIC",
        "resource_name": "drives",
        "decision": "denied",
    }
    assert second["resource_name"] == "\u2028\ud800"
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_audit_log_is_rotated_by_size_and_the_oldest_goes(tmp_path: Path) -> None:
    audit, path = Audit(everything=True), tmp_path / "audit.log"
    log = AuditLog(audit, str(path), 600, 3)
    log.start()
    audited(audit, *(f"topic-{number}" for number in range(20)), allowed=True)
    log.stop()
    names = sorted(each.name for each in tmp_path.iterdir())
    assert names == ["audit.log", "audit.log.1", "audit.log.2"]
    assert all(each.stat().st_size <= 600 for each in tmp_path.iterdir())
    kept = [one["resource_name"] for name in reversed(names) for one in lines_of(tmp_path / name)]
    assert kept == [f"topic-{number}" for number in range(20 - len(kept), 20)]


def test_events_without_room_are_counted_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "MAX_WAITING", 2)
    audit, path = Audit(), tmp_path / "audit.log"
    audited(audit, "a", "b", "c", "d", "e")
    log = AuditLog(audit, str(path), 1 << 20, 1)
    log.start()
    log.stop()
    a, b, told = lines_of(path)
    assert (a["resource_name"], b["resource_name"], told["dropped"]) == ("a", "b", 3)


def test_an_audit_log_that_cannot_be_written_goes_on_when_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    audit, path = Audit(), tmp_path / "audit.log"
    log = AuditLog(audit, str(path), 1 << 20, 1)
    path.mkdir()
    audited(audit, "a", "b")
    log._round()
    audited(audit, "c")
    log._round()
    assert "cannot be written" in caplog.text
    assert len(caplog.records) == 1
    path.rmdir()
    audited(audit, "d")
    log._round()
    d, told = lines_of(path)
    assert (d["resource_name"], told["dropped"]) == ("d", 3)


def test_logins_have_threads_of_their_own_that_start_with_the_first_one() -> None:
    class SlowFs(GatedFs):
        def sync_dir(self, path: str) -> None:
            assert self.gate.wait(5), "the login came too late"

    fs, wake = SlowFs(), Wake()
    workers = Workers(fs, wake)
    workers.start()
    fs.gate.clear()
    for number in range(5):
        workers.submit(Work(number, "checkpoint", (SyncDir(""),)))
    workers.submit(Work(99, "login", (Derive("sha256", b"pencil", b"salt", 1),)))
    pause = threading.Event()
    while not workers.results:
        pause.wait(0.001)
    ((number, result, error),) = workers.results
    assert (number, error) == (99, None)
    assert result
    assert len(result) == 32
    fs.gate.set()
    assert workers.stop()
    wake.close()
