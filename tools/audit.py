"""Asks whether holes are known in what the package needs at run time: pip-audit over the versions of `tools/sbom.py`.

    python tools/audit.py

The exit code is 0 when none is known, 1 when one is, and 2 when it cannot be said: pip-audit or its data could not be had.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from sbom import PACKAGE, closure

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".cache" / "audit"
"""pip-audit has an environment of its own: what it needs must not change what is audited."""
NONE_KNOWN, KNOWN, UNSAID = 0, 1, 2
PATIENCE_S = 300


def pinned() -> list[str]:
    """The run-time packages as pinned requirements."""
    packages, _, _ = closure(PACKAGE)
    return [f"{name}=={package.version}" for name, package in sorted(packages.items()) if name != PACKAGE]


def judge(code: int, output: str, complaint: str) -> tuple[int, list[str]]:
    """The exit code and the lines to print for what pip-audit said: its JSON, or a failure to get its data."""
    try:
        answer: Any = json.loads(output)  # Any: JSON
        packages = answer["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = complaint.strip().splitlines()[-1:] or [f"pip-audit ended with {code}"]
        return UNSAID, [
            f"audit: the data on known holes could not be had: {reason[0][:300]}",
            "audit: nothing is said about the packages. Try again where the package index can be reached.",
        ]
    lines, skipped = [], []
    for package in packages:
        if "skip_reason" in package:
            skipped.append(f"audit: {package['name']} was not looked at: {package['skip_reason']}")
        for hole in package.get("vulns", []):
            fixed = ", ".join(hole.get("fix_versions") or []) or "no version yet"
            lines.append(f"{package['name']} {package['version']}: {hole['id']}, mended in {fixed}")
    if lines:
        return KNOWN, [*lines, *skipped]
    if skipped:
        return UNSAID, [*skipped, f"audit: nothing is said about {len(skipped)} of {len(packages)} packages"]
    return NONE_KNOWN, [f"audit: no hole is known in {len(packages)} packages"]


def get_program() -> bool:
    """Install pip-audit in its environment; whether that worked."""
    for command in (
        [sys.executable, "-m", "venv", str(ENVIRONMENT)],
        [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", "pip-audit"],
    ):
        if subprocess.run(command, check=False, timeout=PATIENCE_S).returncode:
            return False
    return True


def main() -> int:
    """Get pip-audit where it is missing, run it, print what it found."""
    program = ENVIRONMENT / "bin" / "pip-audit"
    if not program.exists() and not get_program():
        print(
            "audit: pip-audit could not be had, so nothing is said. Try again where packages can be installed.",
            file=sys.stderr,
        )
        return UNSAID
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text("\n".join(pinned()) + "\n", "utf-8")
        ran = subprocess.run(
            [str(program), "--disable-pip", "--no-deps", "--progress-spinner", "off", "--format", "json"]
            + ["--requirement", str(requirements)],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
    code, lines = judge(ran.returncode, ran.stdout, ran.stderr)
    print("\n".join(lines), file=sys.stdout if code == NONE_KNOWN else sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
