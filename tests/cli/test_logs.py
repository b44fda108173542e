"""The broker's log: JSON lines that stay lines, and dumps of stacks and open calls."""

from __future__ import annotations

import json
import logging
import threading

import pytest

from neuraxis.cli import logs


def formatted(message: str, *arguments: object, **extra: object) -> dict[str, object]:
    record = logging.getLogger("neuraxis.broker").makeRecord(
        "neuraxis.broker", logging.WARNING, "file", 1, message, arguments, None, extra=extra
    )
    line = logs.JsonFormatter().format(record)
    assert "\n" not in line
    found: dict[str, object] = json.loads(line)
    return found


def test_a_json_line_says_when_where_and_what() -> None:
    found = formatted("closing the connection of %s", "a\nb\u2028c", topic="drives")
    assert found["message"] == "closing the connection of a\nb\u2028c"
    assert (found["level"], found["logger"]) == ("WARNING", "neuraxis.broker")
    assert (found["topic"], found["thread"]) == ("drives", threading.current_thread().name)
    assert str(found["time"]).endswith("Z")
    assert set(found) == {"time", "level", "logger", "thread", "message", "topic"}


def test_an_exception_is_part_of_its_line() -> None:
    try:
        raise ValueError("because")
    except ValueError as error:
        record = logging.makeLogRecord(
            {"msg": "it failed", "exc_info": (type(error), error, error.__traceback__)}
        )
    line = logs.JsonFormatter().format(record)
    assert "\n" not in line
    assert "ValueError: because" in json.loads(line)["exception"]


def test_a_dump_shows_every_threads_stack_and_the_lines_about_the_broker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="somebody-else")
    thread.start()
    try:
        with caplog.at_level(logging.INFO, "neuraxis.broker"):
            logs.dump(lambda: ["2 sessions", "session 1"])
    finally:
        end.set()
        thread.join()
    assert "stack of thread somebody-else" in caplog.text
    assert "test_a_dump_shows_every_threads_stack" in caplog.text
    assert "dump: session 1" in caplog.text
