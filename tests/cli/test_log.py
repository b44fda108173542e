"""`neuraxis log check`."""

from __future__ import annotations

from pathlib import Path

import neuraxis
from tests.cli.support import runner, value


def written(directory: Path) -> None:
    with neuraxis.Broker(data_dir=directory) as broker:
        run = runner(broker.bootstrap)
        run("topic", "create", "drives")
        run("produce", "drives", stdin="".join(f"{number}\n" for number in range(100)))


def test_a_good_directory_passes_and_a_damaged_one_fails_and_names_the_place(tmp_path: Path) -> None:
    written(tmp_path)
    run = runner("127.0.0.1:1")  # nothing is asked of a broker
    good = run("log", "check", str(tmp_path), "--records")
    assert "No damage." in good.output
    assert "drives" in good.output
    assert value(run("log", "check", str(tmp_path), "--json"))["damaged"] is False
    path = tmp_path / "drives-0" / f"{0:020d}.log"
    data = bytearray(path.read_bytes())
    data[70] ^= 1
    path.write_bytes(data)
    bad = run("log", "check", str(tmp_path), code=1)
    assert f"drives-0/{0:020d}.log: byte 0: no good batch for offset 0" in bad.output
    assert value(run("log", "check", str(tmp_path), "--json", code=1))["damaged"] is True


def test_a_directory_in_use_is_refused_with_the_next_step(tmp_path: Path) -> None:
    with neuraxis.Broker(data_dir=tmp_path):
        result = runner("127.0.0.1:1")("log", "check", str(tmp_path), code=1)
    assert "Stop that broker first" in result.stderr
