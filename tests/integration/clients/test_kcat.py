"""kcat: the command-line client of every runbook (Debian's package, librdkafka 2.0), as a child process."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable

import pytest

Unique = Callable[[str], str]


def kcat(bootstrap: str, *arguments: str, stdin: str = "") -> str:
    """Run kcat and return what it prints; a non-zero exit or a hang fails the test."""
    program = shutil.which("kcat")
    assert program, "kcat is not installed: `make kcat` installs it (Debian, Ubuntu: apt-get install kcat)"
    done = subprocess.run(
        [program, "-b", bootstrap, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_metadata_lists_the_topic(bootstrap: str, wide_topic: str) -> None:
    listed = json.loads(kcat(bootstrap, "-L", "-J", "-t", wide_topic))
    (found,) = listed["topics"]
    assert (found["topic"], len(found["partitions"])) == (wide_topic, 4)
    assert listed["brokers"][0]["name"] == bootstrap


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_lines_produced_are_lines_consumed(bootstrap: str, topic: str, codec: str) -> None:
    lines = [f"line {number} of the same words" for number in range(200)]
    kcat(bootstrap, "-P", "-t", topic, "-p", "0", "-z", codec, stdin="\n".join(lines))
    assert kcat(bootstrap, "-C", "-q", "-e", "-o", "beginning", "-t", topic).splitlines() == lines


def test_keys_headers_and_an_idempotent_producer(bootstrap: str, topic: str) -> None:
    options = ("-X", "enable.idempotence=true", "-K", ":", "-H", "trace=abc")
    kcat(bootstrap, "-P", "-t", topic, *options, stdin="a:1\nb:2\n")
    read = kcat(bootstrap, "-C", "-q", "-e", "-o", "beginning", "-t", topic, "-f", "%k=%s %h %o\n")
    assert read.splitlines() == ["a=1 trace=abc 0", "b=2 trace=abc 1"]


def test_offsets_from_the_end_and_by_time(bootstrap: str, topic: str) -> None:
    kcat(bootstrap, "-P", "-t", topic, stdin="one\ntwo\nthree\n")
    assert kcat(bootstrap, "-C", "-q", "-e", "-o", "-1", "-t", topic) == "three\n"
    assert kcat(bootstrap, "-Q", "-t", f"{topic}:0:1").splitlines() == [f"{topic} [0] offset 0"]


def test_a_balanced_group_reads_everything_once(bootstrap: str, wide_topic: str, unique: Unique) -> None:
    kcat(bootstrap, "-P", "-t", wide_topic, stdin="\n".join(str(number) for number in range(100)))
    group = unique("kcat")
    earliest = ("-X", "auto.offset.reset=earliest")
    read = kcat(bootstrap, "-G", group, *earliest, "-q", "-e", wide_topic)
    assert sorted(int(line) for line in read.splitlines()) == list(range(100))
    assert kcat(bootstrap, "-G", group, *earliest, "-q", "-e", wide_topic) == ""


def test_a_line_of_almost_a_megabyte_passes_and_a_larger_one_is_refused(bootstrap: str, topic: str) -> None:
    wide = ("-X", "message.max.bytes=4000000")
    kcat(bootstrap, "-P", "-t", topic, *wide, stdin="x" * 1_000_000)
    with pytest.raises(AssertionError, match="Message size too large"):
        kcat(bootstrap, "-P", "-t", topic, *wide, stdin="x" * 2_000_000)
    assert kcat(bootstrap, "-C", "-q", "-e", "-o", "beginning", "-t", topic) == "x" * 1_000_000 + "\n"


def test_two_runs_share_the_partitions_and_one_takes_over(
    bootstrap: str, wide_topic: str, unique: Unique
) -> None:
    """Each run says on standard error what it was assigned: first all, then half, then all again."""
    settings = ["-X", "heartbeat.interval.ms=200", "-X", "auto.offset.reset=earliest"]
    command = ["kcat", "-b", bootstrap, "-G", unique("kcat"), *settings, wide_topic]
    lines: list[str] = []

    def assigned(process: subprocess.Popen[str]) -> int:
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line)
            if "assigned:" in line:
                return line.count(wide_topic)
        raise AssertionError("".join(lines))

    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **quiet) as stays:
        try:
            assert assigned(stays) == 4
            with subprocess.Popen(command, **quiet) as leaves:
                assert assigned(leaves) == 2
                assert assigned(stays) == 2
                leaves.terminate()
            assert assigned(stays) == 4
        finally:
            stays.terminate()
