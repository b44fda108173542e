"""Writes the straight-line decoder of a message class and version; codec.py compiles and keeps it.

The rule of the file: a run of fixed-width fields, together with the length byte of what follows, is one unpack.
Generated code may read past the end of a slice: the final position is compared with the end once.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct, unpack_from
from struct import error as StructError

from neuraxis.wire.primitives import (
    MAX_ARRAY,
    MAX_STRING,
    MAX_TAGS,
    Malformed,
    continue_uvarint,
    read_uvarint,
    skip_tags,
)
from neuraxis.wire.schema import FRESH, ZERO_UUID, Field, fields_of, schema_of

FORMATS = {
    "bool": "?",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "uint16": "H",
    "uint32": "I",
    "float64": "d",
    "uuid": "16s",
}
"""Kinds of fixed width, and how struct reads them."""

Decoder = Callable[[bytes | memoryview, int], tuple[object, int]]


class Source:
    """Lines of generated code, the values they refer to, and names that do not clash."""

    def __init__(self, namespace: dict[str, object]) -> None:
        self.lines: list[str] = []
        self.namespace = namespace
        self.depth = 1
        self._count = 0

    def add(self, line: str) -> None:
        """Append a line at the present depth."""
        self.lines.append(" " * self.depth + line)

    def name(self, letter: str) -> str:
        """A variable nobody else uses."""
        self._count += 1
        return f"{letter}{self._count}"

    def struct(self, formats: str, method: str) -> str:
        """The name of `Struct(">" + formats).method` in the namespace."""
        name = f"{method}_{formats.replace('?', 'T')}"
        if name not in self.namespace:
            self.namespace[name] = getattr(Struct(">" + formats), method)
        return name

    def value(self, prefix: str, value: object) -> str:
        """The name of a value (a class, a default) in the namespace."""
        name = f"{prefix}_{value.__name__}" if isinstance(value, type) else prefix
        while self.namespace.setdefault(name, value) is not value:
            name += "_"
        return name


class DecoderSource(Source):
    """The decoder of one class and version, as source."""

    def __init__(self, cls: type, version: int, flexible: bool) -> None:
        super().__init__(
            {
                "new": object.__new__,
                "unpack_from": unpack_from,
                "StructError": StructError,
                "Malformed": Malformed,
                "ZERO_UUID": ZERO_UUID,
                "more": continue_uvarint,
                "read_uvarint": read_uvarint,
                "skip_tags": skip_tags,
                "long_string": _long_string,
                "too_many": _too_many,
            }
        )
        self.version = version
        self.flexible = flexible
        self.run: list[tuple[str, str]] = []
        self.owner = schema_of(cls).name
        result = self.struct_body(cls)
        self.flush()
        self.lines = [
            "def decode(view, p):",
            " view = memoryview(view)",
            " end = len(view)",
            " try:",
            *(" " + line for line in self.lines),
            "  if p <= end:",
            f"   return {result}, p",
            " except (StructError, IndexError): pass",
            f" raise Malformed('{self.owner} version {version} is cut short')",
        ]

    def flush(self) -> None:
        """Read the waiting run of fixed-width fields."""
        if not self.run:
            return
        formats = "".join(letter for letter, _ in self.run)
        targets = ", ".join(target for _, target in self.run)
        if formats == "B":
            self.add(f"{targets} = view[p]")
        else:
            comma = "," if len(self.run) == 1 else ""
            self.add(f"{targets}{comma} = {self.struct(formats, 'unpack_from')}(view, p)")
        self.add(f"p += {Struct('>' + formats).size}")
        self.run = []

    def struct_body(self, cls: type) -> str:
        """Read a struct at p; gives the name of the variable that holds it."""
        target = self.name("o")
        self.add(f"{target} = new({self.value('C', cls)})")
        tagged = {}
        for name, field in fields_of(cls):
            if not field.present(self.version):
                self.set_default(f"{target}.{name}", field)
            elif field.tag is not None:
                self.set_default(f"{target}.{name}", field)
                tagged[name] = field
            else:
                self.field(field, f"{target}.{name}", name)
        if self.flexible:
            self.tags(target, tagged)
        return target

    def set_default(self, target: str, field: Field) -> None:
        """Give a field that is not on the wire its declared default."""
        default = field.default
        if default is FRESH:
            text = "[]" if field.kind == "array" else f"{self.value('C', field.item)}()"
        elif field.kind == "uuid" and default == ZERO_UUID:
            text = "ZERO_UUID"
        else:
            text = repr(default)
        self.add(f"{target} = {text}")

    def length(self, legacy_format: str, legacy: bool = False) -> tuple[str, int]:
        """Read a length; gives its variable and what was added to it (compact lengths are one higher, 0 is null)."""
        variable = self.name("n")
        compact = self.flexible and not legacy
        self.run.append(("B" if compact else legacy_format, variable))
        self.flush()
        return variable, int(compact)

    def field(self, field: Field, target: str, name: str) -> None:
        """Read one untagged field into target."""
        kind = field.kind
        if kind in FORMATS:
            self.run.append((FORMATS[kind], target))
        elif kind == "struct":
            self.nested(field, target, name)
        elif kind == "array":
            self.array(field, target, name)
        else:
            self.blob(field, target, name)

    def missing(self, field: Field, target: str, name: str) -> str:
        """The statement for a null: store it, or refuse it."""
        if field.is_nullable(self.version):
            return f"{target} = None"
        return f"raise Malformed('{self.owner}.{name} is null')"

    def blob(self, field: Field, target: str, name: str) -> None:
        """Read a string, bytes or records field."""
        n, added = self.length("h" if field.kind == "string" else "i", field.legacy)
        end = self.name("q")
        value = {
            "string": f"str(view[p:{end}], 'utf-8', 'replace')",  # Kafka takes invalid UTF-8 and replaces it
            "bytes": f"bytes(view[p:{end}])",
            "records": f"view[p:{end}]",
        }[field.kind]
        if added:
            self.add(f"if {n}:")
            self.add(f" if {n} > 127:")
            self.add(f"  {n}, p = more(view, p, {n})")
            if field.kind == "string":
                self.add(f"  if {n} > {MAX_STRING + 1}: raise long_string('{self.owner}.{name}', {n} - 1)")
            self.add(f" {end} = p + {n} - 1")
        else:
            self.add(f"if {n} >= 0:")
            self.add(f" {end} = p + {n}")
        self.add(f" {target} = {value}")
        self.add(f" p = {end}")
        self.add(f"else: {self.missing(field, target, name)}")

    def nested(self, field: Field, target: str, name: str) -> None:
        """Read a struct; a nullable one has a byte before it, negative for null."""
        assert isinstance(field.item, type)
        if not field.is_nullable(self.version):
            self.add(f"{target} = {self.struct_body(field.item)}")
            return
        n = self.name("n")
        self.run.append(("b", n))
        self.flush()
        self.add(f"if {n} < 0: {target} = None")
        self.add("else:")
        self.depth += 1
        value = self.struct_body(field.item)
        self.flush()
        self.add(f"{target} = {value}")
        self.depth -= 1

    def array(self, field: Field, target: str, name: str) -> None:
        """Read an array; its length is checked before anything is allocated."""
        n, added = self.length("i")
        self.add(f"if {n}:" if added else f"if {n} >= 0:")
        self.depth += 1
        if added:
            self.add(f"if {n} > 127: {n}, p = more(view, p, {n})")
            self.add(f"{n} -= 1")
        width = (
            Struct(FORMATS[field.item]).size if isinstance(field.item, str) and field.item in FORMATS else 1
        )
        size = n if width == 1 else f"{n} * {width}"
        self.add(
            f"if {size} > end - p or {n} > {MAX_ARRAY}: raise too_many('{self.owner}.{name}', {n}, end - p)"
        )
        if field.item == "uuid":
            self.add(f"{target} = [bytes(view[q:q + 16]) for q in range(p, p + {size}, 16)]")
            self.add(f"p += {size}")
        elif isinstance(field.item, str) and field.item in FORMATS:
            self.add(f"{target} = list(unpack_from(f'>{{{n}}}{FORMATS[field.item]}', view, p))")
            self.add(f"p += {size}")
        else:
            items = self.name("a")
            self.add(f"{target} = {items} = []")
            self.add(f"for _ in range({n}):")
            self.depth += 1
            if isinstance(field.item, type):
                item = self.struct_body(field.item)
            else:
                item = self.name("s")
                assert isinstance(field.item, str)
                self.field(Field(field.item, "0+", "none", None, None), item, name)
            self.flush()
            self.add(f"{items}.append({item})")
            self.depth -= 1
        self.depth -= 1
        self.add(f"else: {self.missing(field, target, name)}")

    def tags(self, target: str, tagged: dict[str, Field]) -> None:
        """Read the tag section: known tags are stored, others skipped."""
        count = self.name("t")
        self.run.append(("B", count))
        self.flush()
        if not tagged:
            self.add(f"if {count}: p = skip_tags(view, p, {count})")
            return
        self.add(f"if {count}:")
        self.depth += 1
        tag, stop = self.name("t"), self.name("e")
        self.add(f"if {count} > 127: {count}, p = more(view, p, {count})")
        self.add(f"if {count} > {MAX_TAGS}: raise Malformed(f'{self.owner} has {{{count}}} tagged fields')")
        self.add(f"for _ in range({count}):")
        self.depth += 1
        self.add(f"{tag}, p = read_uvarint(view, p)")
        self.add(f"{stop}, p = read_uvarint(view, p)")
        self.add(f"{stop} += p")
        word = "if"
        for name, field in tagged.items():
            self.add(f"{word} {tag} == {field.tag}:")
            self.depth += 1
            self.field(field, f"{target}.{name}", name)
            self.flush()
            self.add(f"if p != {stop}: raise Malformed('{self.owner}.{name} does not fill its tag')")
            self.depth -= 1
            word = "elif"
        self.add(f"else: p = {stop}")
        self.depth -= 2


def _long_string(name: str, length: int) -> Malformed:
    return Malformed(f"{name} has {length} bytes; at most {MAX_STRING} are taken")


def _too_many(name: str, count: int, left: int) -> Malformed:
    if count > MAX_ARRAY:
        return Malformed(f"{name} claims {count} elements; at most {MAX_ARRAY} are taken")
    return Malformed(f"{name} claims {count} elements in the {max(left, 0)} bytes that are left")
