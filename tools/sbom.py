"""Writes the software bill of materials: the package and all it needs at run time, in the versions installed here.

    python tools/sbom.py [--output out/sbom.cdx.json]

CycloneDX 1.6 in JSON, made from the installed packages' own metadata: no network, no other tool. The rule of the file: the
same environment gives the same bytes, so that two bills can be compared.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import uuid
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "neuraxis"
OUTPUT = ROOT / "out" / "sbom.cdx.json"
SPDX = re.compile(r"[A-Za-z0-9.+-]+")
"""What one SPDX identifier looks like; anything longer is an expression or a text."""
OPTIONAL, REQUIRED = "optional", "required"


def needs(package: Distribution, extras: set[str]) -> list[tuple[Requirement, bool]]:
    """What a package needs here, and whether only an extra of it asks for that."""
    found = []
    for text in package.requires or []:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or marker.evaluate({"extra": ""}):
            found.append((requirement, False))
        elif any(marker.evaluate({"extra": extra}) for extra in extras):
            found.append((requirement, True))
    return found


def closure(name: str) -> tuple[dict[str, Distribution], dict[str, set[str]], set[str]]:
    """The installed packages that `name` (with all its extras) leads to, who needs whom, and which are required.

    Raises PackageNotFoundError when one of them is not installed.
    """
    packages: dict[str, Distribution] = {}
    edges: dict[str, set[str]] = {}
    required: set[str] = set()
    waiting = [(canonicalize_name(name), frozenset[str](), True)]
    seen: set[tuple[str, frozenset[str], bool]] = set()
    while waiting:
        step = waiting.pop()
        if step in seen:
            continue
        seen.add(step)
        current, extras, needed = step
        package = packages.setdefault(current, distribution(current))
        if needed:
            required.add(current)
        wanted = set(package.metadata.get_all("Provides-Extra") or []) if current == name else set(extras)
        for requirement, optional in needs(package, wanted):
            other = canonicalize_name(requirement.name)
            edges.setdefault(current, set()).add(other)
            waiting.append((other, frozenset(requirement.extras), needed and not optional))
    return packages, edges, required


def reference(package: Distribution) -> str:
    """The package's purl, which is its name in the bill."""
    return f"pkg:pypi/{canonicalize_name(package.metadata['Name'])}@{package.version}"


def component(package: Distribution, kind: str) -> dict[str, Any]:  # Any: JSON
    """One entry of the bill."""
    metadata = package.metadata
    entry: dict[str, Any] = {  # Any: JSON
        "type": kind,
        "bom-ref": reference(package),
        "name": canonicalize_name(metadata["Name"]),
        "version": package.version,
        "purl": reference(package),
    }
    if metadata.get("Summary"):
        entry["description"] = metadata["Summary"]
    licences = licences_of(package)
    if licences:
        entry["licenses"] = licences
    return entry


def licences_of(package: Distribution) -> list[dict[str, Any]]:  # Any: JSON
    """What the package says of its licence: an SPDX expression, else a short text, else its classifiers."""
    metadata = package.metadata
    expression = metadata.get("License-Expression")
    if expression:
        return [{"license": {"id": expression}} if SPDX.fullmatch(expression) else {"expression": expression}]
    text = (metadata.get("License") or "").strip()
    if text and "\n" not in text and len(text) < 80:
        return [{"license": {"name": text}}]
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    return [{"license": {"name": one}} for one in classifiers]


def bill() -> dict[str, Any]:  # Any: JSON
    """The bill of materials of the installed package."""
    packages, edges, required = closure(PACKAGE)
    own = packages.pop(PACKAGE)
    components = []
    for name, package in sorted(packages.items()):
        components.append(
            component(package, "library") | {"scope": REQUIRED if name in required else OPTIONAL}
        )
    everything = {PACKAGE: own, **packages}
    names = ",".join(sorted(map(reference, everything.values())))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, names)}",
        "version": 1,
        "metadata": {"component": component(own, "application")},
        "components": components,
        "dependencies": [
            {
                "ref": reference(package),
                "dependsOn": sorted(reference(everything[other]) for other in edges.get(name, ())),
            }
            for name, package in sorted(everything.items())
        ],
    }


def main() -> int:
    """Write the bill; 2 when a package is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    try:
        content = bill()
    except PackageNotFoundError as error:
        print(f"sbom: the package {error.name} is not installed: run `make setup` first", file=sys.stderr)
        return 2
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    print(f"wrote {options.output}: {len(content['components'])} components")
    return 0


if __name__ == "__main__":
    sys.exit(main())
