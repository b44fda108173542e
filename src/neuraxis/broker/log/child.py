"""A pass of compaction in a process of its own, so that the broker's loop keeps the interpreter to itself.

Rule of the file: the child is given paths and numbers, writes the files that the broker made for it, and answers with
numbers. It ends when the broker closes its standard input, however the broker ended.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import subprocess
import sys
import threading
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from neuraxis.broker.log import compaction
from neuraxis.broker.log.transactions import AbortedTransaction

if TYPE_CHECKING:
    from neuraxis.broker.log.fs import DiskFs

logger = logging.getLogger("neuraxis.broker")

WORTH_BYTES = 4 << 20
"""Smaller passes are done on a thread: a process takes 0.1 s to start, as long as a thread needs for this much."""
NICENESS = 10
"""Compaction is in no hurry: it yields the processor to whoever serves clients."""
_POLL_S = 0.2


def clean_apart(fs: DiskFs, plan: compaction.Plan) -> None:
    """Do the pass in a child process. Raises OSError as the pass itself would."""
    command = [sys.executable, "-m", "neuraxis.broker.log.child", fs.data_dir]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        try:
            child.stdin.write(json.dumps(_question(plan)).encode() + b"\n")
            child.stdin.flush()
        except BrokenPipeError:  # it has ended already: the answer will not come
            with contextlib.suppress(BrokenPipeError):
                child.stdin.close()
        answer = _wait(child, plan)
    if plan.cancelled:
        return
    if answer is None:
        logger.warning(
            "the compaction process ended with code %s; the log is looked at again later", child.returncode
        )
        plan.cancelled = True
    elif answer.get("errno") in (errno.ENOENT, errno.ENOSPC):
        plan.cancelled = True  # the topic was deleted meanwhile, or others took the space
    elif "errno" in answer:
        raise OSError(answer["errno"], answer["text"])
    else:
        _take(plan, answer)


def _wait(child: subprocess.Popen[bytes], plan: compaction.Plan) -> dict[str, Any] | None:  # Any: JSON
    """The child's answer; None if it died or was not to go on. Its standard input stays open until then."""
    lines: list[bytes] = []
    assert child.stdout is not None
    reader = threading.Thread(target=lambda: lines.append(child.stdout.read()), name="neuraxis-compaction")  # type: ignore[union-attr]  # asserted above
    reader.start()
    while reader.is_alive():
        reader.join(_POLL_S)
        if plan.cancelled:
            child.kill()
    try:
        found: dict[str, Any] = json.loads(lines[0])  # Any: JSON
    except (IndexError, ValueError):
        return None
    return found


def _question(plan: compaction.Plan) -> dict[str, Any]:  # Any: JSON
    return {
        "targets": [
            {
                "path": target.file.path,
                "aborted": target.aborted,
                "sources": [[source.base_offset, source.file.path, source.size] for source in target.sources],
            }
            for target in plan.targets
        ],
        "aborted": plan.aborted,
        "sequences": sorted(plan.sequences),
        "numbers": {name: getattr(plan, name) for name in _NUMBERS},
    }


_NUMBERS = ("dirty_from", "limit", "wall_ms", "delete_retention_ms", "index_interval_bytes", "most_keys")


def _take(plan: compaction.Plan, answer: dict[str, Any]) -> None:  # Any: JSON
    """Bring what the child found out into the plan."""
    plan.cleaned_to, plan.damage = answer["cleaned_to"], answer["damage"]
    for target, found in zip(plan.targets, answer["targets"], strict=True):
        target.begin()
        target.size = found["size"]
        target.max_timestamp, target.max_timestamp_offset = found["newest"]
        target.markers = set(found["markers"])
        target.index.data += b64decode(found["index"])
        target.time_index.data += b64decode(found["time_index"])


def _serve(data_dir: str, question: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """The child's part."""
    from neuraxis.broker.log.fs import DiskFs

    fs = DiskFs(data_dir)
    targets = []
    for each in question["targets"]:
        sources = [compaction.Source(base, fs.open(path), size) for base, path, size in each["sources"]]
        aborted = [AbortedTransaction._make(entry) for entry in each["aborted"]]
        targets.append(compaction.Target(sources, fs.open(each["path"]), aborted))
    plan = compaction.Plan(
        targets=targets,
        aborted=[AbortedTransaction._make(entry) for entry in question["aborted"]],
        sequences=frozenset((producer_id, offset) for producer_id, offset in question["sequences"]),
        **question["numbers"],
    )
    compaction.clean(fs, plan)
    return {
        "cleaned_to": plan.cleaned_to,
        "damage": plan.damage,
        "targets": [
            {
                "size": target.size,
                "newest": [target.max_timestamp, target.max_timestamp_offset],
                "markers": sorted(target.markers),
                "index": b64encode(target.index.data).decode(),
                "time_index": b64encode(target.time_index.data).decode(),
            }
            for target in plan.targets
        ],
    }


def _end_with_the_broker() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def main() -> None:
    """Read one question, answer it."""
    os.nice(NICENESS)
    question = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_broker, daemon=True).start()
    try:
        answer = _serve(sys.argv[1], question)
    except OSError as error:
        answer = {"errno": error.errno, "text": str(error)}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # the thread that watches standard input waits for ever


if __name__ == "__main__":
    main()
