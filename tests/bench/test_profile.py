"""Stacks as py-spy writes them, counted by part of the broker and by function."""

from __future__ import annotations

from bench.profile import read_stacks, table

STACKS = """\
main (neuraxis/cli/up.py:10);Server._turn (neuraxis/broker/server.py:240);DiskFs.write (neuraxis/broker/log/fs.py:7) 6
main (neuraxis/cli/up.py:10);Server._turn (neuraxis/broker/server.py:241);check_batch (neuraxis/wire/batch.py:3) 3
run (threading.py:982);Workers._run (neuraxis/broker/workers.py:150) 90
main (neuraxis/cli/up.py:10);encode (json/encoder.py:1) 1
"""


def test_samples_count_for_what_they_ended_in_and_waiting_threads_do_not() -> None:
    parts, functions, total = read_stacks(STACKS)
    assert total == 10
    assert parts == {"broker.log": 6, "wire": 3, "python": 1}
    assert functions["broker/log/fs.py: DiskFs.write"] == 6
    assert "| `broker.log` | 60% |" in table(parts, functions, total)
