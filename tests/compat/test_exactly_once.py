"""compat/exactly_once.py and the Flink job: a program that ended is noticed; a restart takes the newest checkpoint."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from compat import topic_content
from compat.exactly_once import ExactlyOnceRun
from compat.flink.suite import Job
from compat.jvm import JavaProcess
from compat.kafka_streams.suite import wrong_counts


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> ExactlyOnceRun:
    monkeypatch.setattr(topic_content, "create_topic", lambda *_: None)
    return ExactlyOnceRun("nowhere", "application")


def starts(run: ExactlyOnceRun, tmp_path: Path) -> Path:
    """Add a program to the run that ends at once; return its log, which has a line for each start."""
    program = JavaProcess("program", [sys.executable, "-c", "print('started')"], tmp_path / "log")
    run.programs.append(program.start())
    return program.log_path


def test_a_program_that_ends_by_itself_fails_the_wait(run: ExactlyOnceRun, tmp_path: Path) -> None:
    starts(run, tmp_path)
    with pytest.raises(AssertionError, match="never comes: ended by itself, see log"):
        run.wait("never comes", lambda: False, interval_s=0.01)


def test_a_supervised_program_that_ends_by_itself_is_started_again(
    run: ExactlyOnceRun, tmp_path: Path
) -> None:
    log = starts(run, tmp_path)
    run.supervised = True
    run.wait("three starts", lambda: log.read_text().count("started") >= 3, interval_s=0.01)
    run.stop()


def test_a_job_goes_on_from_the_newest_checkpoint_that_was_completed(tmp_path: Path) -> None:
    checkpoints = tmp_path / "checkpoints"
    job = Job("job", [sys.executable, "-c", ""], checkpoints, tmp_path / "log")
    job.start().terminate()
    assert job.command == job.fresh
    for number, modified_s in (("9", 100), ("10", 200)):
        path = checkpoints / "id-of-the-job" / f"chk-{number}"
        path.mkdir(parents=True)
        (path / "_metadata").touch()
        os.utime(path, (modified_s, modified_s))
    (checkpoints / "id-of-the-job" / "chk-11").mkdir()  # was being written when the job was killed
    job.start().terminate()
    (told,) = job.command[len(job.fresh) :]
    assert told.endswith("/chk-10")


def test_a_lost_and_a_repeated_update_of_a_count_are_wrong() -> None:
    written = {"a": 3, "b": 1}
    assert wrong_counts(written, {"a": [1, 2, 3], "b": [1]}) == []
    for counts in ([1, 3], [1, 2, 2, 3], [1, 2], [2, 1, 3]):
        (line,) = wrong_counts(written, {"a": counts, "b": [1]})
        assert line.startswith("a written 3 times")
