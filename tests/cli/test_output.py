"""Tables, times and pairs."""

from __future__ import annotations

import time

import click
import pytest

from neuraxis.cli.output import byte_progress, iso_time, parse_pairs, parse_time_ms, plural, progress, table
from neuraxis.client import ClientError


def test_numbers_stand_to_the_right_and_words_to_the_left() -> None:
    shown = table(("topic", "records"), [("drives", 1234567), ("a", 5)])
    assert shown == "TOPIC     RECORDS\ndrives  1,234,567\na               5"


def test_what_is_unknown_is_a_dash() -> None:
    assert table(("a", "b"), [(None, 1)]).splitlines()[1] == "-  1"
    assert table(("a",), []) == "A"


def test_a_bar_of_bytes_is_drawn_for_terminals_only(capsys: pytest.CaptureFixture[str]) -> None:
    with byte_progress("Copying", hidden=False) as advance:
        advance(5, 10)
        advance(0, 0)
    assert capsys.readouterr() == ("", "")


def test_one_is_singular() -> None:
    assert [plural(count, "record") for count in (0, 1, 1000)] == ["0 records", "1 record", "1,000 records"]


@pytest.mark.parametrize(
    ("text", "timestamp_ms"),
    [
        ("1970-01-01", 0),
        ("1970-01-01T00:00:01.5", 1500),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:00Z", 0),
        ("@1558644851000", 1558644851000),
    ],
)
def test_times(text: str, timestamp_ms: int) -> None:
    assert parse_time_ms(text) == timestamp_ms


@pytest.mark.parametrize(
    ("text", "ago_ms"), [("-500ms", 500), ("-10m", 600_000), ("-2h", 7_200_000), ("-1d", 86_400_000)]
)
def test_times_ago(text: str, ago_ms: int) -> None:
    assert abs(parse_time_ms(text) - (time.time() * 1000 - ago_ms)) < 5000


@pytest.mark.parametrize("text", ["yesterday", "10m", "-10", "@x", ""])
def test_what_is_no_time_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(ClientError, match="is not a time") as refused:
        parse_time_ms(text)
    assert "2026-11-24T08:30:00Z" in refused.value.next_step


def test_times_are_shown_in_utc() -> None:
    assert iso_time(1_558_644_851_250) == "2019-05-23T20:54:11.250Z"


def test_pairs_keep_what_follows_the_first_equals_sign() -> None:
    assert parse_pairs(["a=b=c", "d="], "--config") == {"a": "b=c", "d": ""}
    with pytest.raises(click.UsageError, match="--config 'a'"):
        parse_pairs(["a"], "--config")


def test_progress_is_silent_when_stderr_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with progress("Working", 10) as advance:
        advance(5)
    assert capfd.readouterr() == ("", "")
