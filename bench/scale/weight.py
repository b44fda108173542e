"""How much memory each part of a broker's core holds: what can be reached from it, weighed object by object.

The rule of the file: every object counts once, for the first owner from whom it is reached; the disk counts for nobody.
"""

from __future__ import annotations

import gc
import sys
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any  # Any: whatever the core is made of

from neuraxis.broker.core import Core
from neuraxis.broker.log.filesystem import File

SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, CodeType)
"""The program itself, which is there once."""
PARENTS = ("config", "apis", "node", "store", "fs", "core")
"""Attributes that lead up or across: what they hold has an owner of its own."""


def by_owner(core: Core) -> dict[str, int]:
    """Return the bytes that each attribute of the node and of the store holds."""
    node, store = core.node, core.store
    seen = {id(each) for each in (core, node, store, store.fs, core.config, core.apis)}
    owners: dict[str, object] = {}
    for prefix, holder in (("node", node), ("store", store), ("core", core)):
        for name, value in sorted(vars(holder).items()):
            if name not in PARENTS:
                owners[f"{prefix}.{name}"] = value
    seen |= {id(value) for value in owners.values()}
    return {name: _weight(value, seen) for name, value in owners.items()}


def _weight(root: object, seen: set[int]) -> int:
    total = 0
    found: list[Any] = [root]  # Any: whatever is reached
    while found:
        each = found.pop()
        total += sys.getsizeof(each)
        if isinstance(each, File):
            continue  # its content, in a file system in memory, is the disk's
        for inner in gc.get_referents(each):
            if id(inner) not in seen and not isinstance(inner, SHARED):
                seen.add(id(inner))
                found.append(inner)
    return total
