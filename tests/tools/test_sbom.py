"""tools/sbom.py: the bill lists what is installed, once, and nothing that is only for development."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from tests.tidy.repository import ROOT


def test_the_bill_lists_every_run_time_package_with_its_version_and_who_needs_it(tmp_path: Path) -> None:
    bills = []
    for name in ("one.json", "two.json"):
        command = [sys.executable, "tools/sbom.py", "--output", str(tmp_path / name)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        bills.append((tmp_path / name).read_bytes())
    assert bills[0] == bills[1], "the same environment gives the same bytes"
    bill = json.loads(bills[0])
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    own = bill["metadata"]["component"]
    assert (own["name"], own["version"]) == ("neuraxis", version("neuraxis"))
    listed = {each["name"]: each for each in bill["components"]}
    assert len(listed) == len(bill["components"])
    for name in ("click", "confluent-kafka", "cramjam", "fastcrc", "rich"):
        assert listed[name]["version"] == version(name)
        assert listed[name]["scope"] == "required"
        assert listed[name]["licenses"], name
    assert listed["cryptography"]["scope"] == "optional"
    assert not {"pytest", "mypy", "hypothesis"} & listed.keys()
    known = {own["bom-ref"], *(each["bom-ref"] for each in listed.values())}
    needs = {each["ref"]: set(each["dependsOn"]) for each in bill["dependencies"]}
    assert needs.keys() == known
    assert set().union(*needs.values()) == known - {own["bom-ref"]}
