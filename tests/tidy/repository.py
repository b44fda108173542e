"""Where the repository is and which files belong to it."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TEXT_SUFFIXES = frozenset(
    {
        ".py",
        ".pyi",
        ".md",
        ".toml",
        ".sh",
        ".txt",
        ".cfg",
        ".svg",
        ".json",
        ".java",
        ".go",
        ".xml",
        ".properties",
    }
)
TEXT_NAMES = frozenset({"Makefile", "run", "LICENSE", "NOTICE", ".gitignore", ".editorconfig"})
GENERATED = frozenset({"out", "build", "dist", "__pycache__", "node_modules"})
"""Folders that hold what a command wrote, at any depth; hidden folders other than .ci are skipped as well."""


def text_files() -> list[Path]:
    """Every text file of the repository that a person may read, without what commands generate."""
    found: list[Path] = []
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = sorted(
            name
            for name in subfolders
            if name not in GENERATED and (not name.startswith(".") or name == ".ci")
        )
        for name in sorted(names):
            if Path(name).suffix in TEXT_SUFFIXES or name in TEXT_NAMES:
                found.append(Path(folder, name))
    return found
