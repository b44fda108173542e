"""Run kafka-python's integration suite (from its sdist) against a broker that already runs.

The sdist lacks two modules that the suite imports, `test/__init__.py` and `test/service.py`; `stand_ins/` has small
ones of our own. The SSL and SASL files start their own Java broker and are left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

from compat.brokers import REPOSITORY, BrokerFailed
from compat.junit import read_cases
from compat.results import SuiteResult

VERSION = "3.0.12"
KAFKA_VERSION = "4.3.0"  # what this version of the client infers from a 4.4.0 node
CACHE = REPOSITORY / ".cache" / "kafka-python"
# Sessions shorter than Kafka's minimum of 6 s are joined by some tests; test_create_partitions assigns to node 0.
# test_create_describe_delete_acls needs an authoriser; the suite logs in as nobody, so nobody may do everything.
SETTINGS = {
    "group.min.session.timeout.ms": "100",
    "node.id": "0",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}


def fetch() -> Path:
    """Fetch and unpack the sdist once, add the stand-ins; return its directory."""
    tree = CACHE / f"kafka_python-{VERSION}"
    if not (tree / "test" / "integration").is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
        done = subprocess.run(
            [*command, "-d", str(CACHE), f"kafka-python=={VERSION}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BrokerFailed(f"pip could not fetch kafka-python {VERSION}:\n{done.stderr[-2000:]}")
        with tarfile.open(CACHE / f"kafka_python-{VERSION}.tar.gz") as archive:
            archive.extractall(CACHE, filter="data")
    for stand_in in (Path(__file__).parent / "stand_ins").glob("*.py"):
        shutil.copyfile(stand_in, tree / "test" / stand_in.name)
    return tree


def run(bootstrap: str, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the suite; `select` is a pytest `-k` expression or None for all."""
    tree = fetch()
    report = out / "kafka_python.xml"
    report.unlink(missing_ok=True)
    expression = "not ssl and not sasl" + (f" and ({select})" if select else "")
    environment = os.environ | {
        "KAFKA_ROOT": str(tree),
        "KAFKA_URI": f"kafka://{bootstrap}",
        "KAFKA_VERSION": KAFKA_VERSION,
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "60"]
    # signal, not thread: with thread one hang ends the whole run
    command += ["--timeout-method=signal", f"--junit-xml={report}", "-k", expression, "test/integration"]
    began = time.monotonic()
    with (out / "kafka_python.log").open("wb") as log:
        subprocess.run(command, cwd=tree, env=environment, stdout=log, stderr=log, timeout=900, check=False)
    result = SuiteResult("kafka_python", target, VERSION, read_cases(report), time.monotonic() - began)
    if not result.cases:
        result.note = f"no report: see {out / 'kafka_python.log'}"
    return result
