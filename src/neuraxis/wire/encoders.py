"""Writes the straight-line encoder of a message class and version; codec.py compiles and keeps it.

The rule of the file: a run of fixed-width fields, together with the length byte of what follows, is one pack.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import pack

from neuraxis.wire.decoders import FORMATS, Source
from neuraxis.wire.primitives import MAX_STRING, UVARINTS, encode_uvarint
from neuraxis.wire.schema import BYTES, FRESH, Field, Part, Records, fields_of

LARGE = 4096
"""Bytes from which records stay a part of their own: copying less costs less than one more buffer to write."""

Encoder = Callable[[object, list[Part]], list[int] | None]


class EncoderSource(Source):
    """The encoder of one class and version, as source."""

    def __init__(self, cls: type, version: int, flexible: bool) -> None:
        super().__init__(
            {
                "pack": pack,
                "uvarints": UVARINTS,
                "encode_uvarint": encode_uvarint,
                "records_length": records_length,
                "add_records": add_records,
                "too_long": _too_long,
            }
        )
        self.version = version
        self.flexible = flexible
        self.run: list[tuple[str, str]] = []
        self.write = "write"
        self.struct_body(cls, "o")
        self.flush()
        self.lines = [
            "def encode(o, pieces):",
            " write = pieces.append",
            " cuts = None",
            *self.lines,
            " return cuts",
        ]

    def flush(self, more: tuple[str, str] | None = None) -> None:
        """Write the waiting run of fixed-width fields, and one field more (which does not stay in the run)."""
        run = [*self.run, more] if more else self.run
        if not run:
            return
        formats = "".join(letter for letter, _ in run)
        if formats == "x":
            self.add(f"{self.write}(b'\\0')")
        elif formats == "B":
            self.add(f"{self.write}(uvarints[{run[0][1]}])")
        else:
            values = ", ".join(value for _, value in run if value)
            self.add(f"{self.write}({self.struct(formats, 'pack')}({values}))")
        if not more:
            self.run = []

    def length(self, variable: str, legacy_format: str, legacy: bool = False) -> None:
        """Write a length; the variable holds -1 for null. Flushes the run."""
        if not self.flexible or legacy:
            self.run.append((legacy_format, variable))
            self.flush()
            return
        self.add(f"{variable} += 1")
        if not self.run:
            self.add(
                f"{self.write}(uvarints[{variable}] if {variable} < 128 else encode_uvarint({variable}))"
            )
            return
        self.add(f"if {variable} < 128:")
        self.depth += 1
        self.flush(("B", variable))
        self.depth -= 1
        self.add("else:")
        self.depth += 1
        self.flush()
        self.add(f"{self.write}(encode_uvarint({variable}))")
        self.depth -= 1

    def struct_body(self, cls: type, source: str) -> None:
        """Write a struct held by the variable source."""
        tagged = {}
        for name, field in fields_of(cls):
            if field.present(self.version):
                if field.tag is not None:
                    tagged[name] = field
                else:
                    self.field(field, f"{source}.{name}")
        if self.flexible:
            self.tags(source, tagged)

    def field(self, field: Field, source: str) -> None:
        """Write one untagged field."""
        kind = field.kind
        if kind in FORMATS:
            self.run.append((FORMATS[kind], source))
        elif kind == "struct":
            self.nested(field, source)
        elif kind == "array":
            self.array(field, source)
        elif kind == "records":
            self.records(field, source)
        else:
            self.blob(field, source)

    def blob(self, field: Field, source: str) -> None:
        """Write a string or bytes field."""
        value, n = self.name("s"), self.name("n")
        text = field.kind == "string"
        encoded = f"{value}.encode()" if text else value
        if field.is_nullable(self.version):
            self.add(f"{value} = {source}")
            self.add(f"if {value} is None: {n} = -1; {value} = b''")
            self.add(f"else: {value} = {encoded}; {n} = len({value})")
        else:
            self.add(f"{value} = {source}" + (".encode()" if text else ""))
            self.add(f"{n} = len({value})")
        if text:
            self.add(f"if {n} > {MAX_STRING}: raise too_long({source!r}, {n})")
        self.length(n, "h" if text else "i", field.legacy)
        self.add(f"{self.write}({value})")

    def records(self, field: Field, source: str) -> None:
        """Write a records field: small ones are merged, large ones and spans are remembered in `cuts`."""
        value, n, size = self.name("r"), self.name("n"), self.name("m")
        self.add(f"{value} = {source}")
        if field.is_nullable(self.version):
            self.add(f"{n} = {size} = -1 if {value} is None else records_length({value})")
        else:
            self.add(f"{n} = {size} = records_length({value})")
        self.length(n, "i")
        self.add(f"if {size} > 0: cuts = add_records(pieces, {value}, cuts)")

    def nested(self, field: Field, source: str) -> None:
        """Write a struct; a nullable one has a byte before it, -1 for null and 1 otherwise."""
        assert isinstance(field.item, type)
        value = self.name("o")
        self.add(f"{value} = {source}")
        if not field.is_nullable(self.version):
            self.struct_body(field.item, value)
            return
        self.flush()
        self.add(f"if {value} is None: {self.write}(b'\\xff')")
        self.add("else:")
        self.depth += 1
        self.run.append(("B", "1"))
        self.struct_body(field.item, value)
        self.flush()
        self.depth -= 1

    def array(self, field: Field, source: str) -> None:
        """Write an array."""
        items, n = self.name("a"), self.name("n")
        self.add(f"{items} = {source}")
        if field.is_nullable(self.version):
            self.add(f"if {items} is None: {n} = -1; {items} = ()")
            self.add(f"else: {n} = len({items})")
        else:
            self.add(f"{n} = len({items})")
        self.length(n, "i")
        if field.item == "uuid":
            self.add(f"{self.write}(b''.join({items}))")
        elif isinstance(field.item, str) and field.item in FORMATS:
            self.add(f"{self.write}(pack(f'>{{len({items})}}{FORMATS[field.item]}', *{items}))")
        else:
            item = self.name("o")
            self.add(f"for {item} in {items}:")
            self.depth += 1
            before = len(self.lines)
            if isinstance(field.item, type):
                self.struct_body(field.item, item)
            else:
                assert isinstance(field.item, str)
                self.field(Field(field.item, "0+", "none", None, None), item)
            self.flush()
            if len(self.lines) == before:
                self.add("pass")
            self.depth -= 1

    def tags(self, source: str, tagged: dict[str, Field]) -> None:
        """Write the tag section: only what differs from its default, in the order of the tags."""
        if not tagged:
            self.run.append(("x", ""))
            return
        self.flush()
        ordered = sorted(tagged.items(), key=lambda item: item[1].tag or 0)
        unset = " and ".join(f"not ({self.differs(field, f'{source}.{name}')})" for name, field in ordered)
        self.add(f"if {unset}: {self.write}(b'\\0')")
        self.add("else:")
        self.depth += 1
        tags, number = self.name("tags"), self.name("k")
        outer = self.write
        self.add(f"{tags} = []; {number} = 0")
        for name, field in ordered:
            inner = self.name("inner")
            self.add(f"if {self.differs(field, f'{source}.{name}')}:")
            self.depth += 1
            self.add(f"{inner} = []; write_{inner} = {inner}.append; {number} += 1")
            self.write = f"write_{inner}"
            self.field(field, f"{source}.{name}")
            self.flush()
            self.write = outer
            self.add(f"{inner} = b''.join({inner})")
            self.add(f"{tags} += (encode_uvarint({field.tag}), encode_uvarint(len({inner})), {inner})")
            self.depth -= 1
        self.add(f"{outer}(encode_uvarint({number})); {outer}(b''.join({tags}))")
        self.depth -= 1

    def differs(self, field: Field, source: str) -> str:
        """The condition under which a tagged field has to be written."""
        if field.kind == "struct":
            if field.is_nullable(self.version):
                return f"{source} is not None"
            assert isinstance(field.item, type)
            inner = " or ".join(
                self.differs(each, f"{source}.{name}")
                for name, each in fields_of(field.item)
                if each.present(self.version)
            )
            return f"{source} is not None and ({inner})"
        if field.default is FRESH:
            return f"{source} is None or {source}" if field.is_nullable(self.version) else source
        if field.default is None:
            return f"{source} is not None"
        return f"{source} != {field.default!r}"


_LISTS = (list, tuple)


def records_length(records: Records) -> int:
    """Bytes in the value of a records field."""
    if isinstance(records, BYTES):
        return len(records)
    if isinstance(records, _LISTS):
        return sum(map(records_length, records))
    return records.length


def add_records(pieces: list[Part], records: Records, cuts: list[int] | None) -> list[int] | None:
    """Append records to the pieces; gives the places of those pieces that must not be merged with others."""
    if isinstance(records, _LISTS):
        for each in records:
            cuts = add_records(pieces, each, cuts)
        return cuts
    if not isinstance(records, BYTES) or len(records) >= LARGE:
        if cuts is None:
            cuts = []
        cuts.append(len(pieces))
    pieces.append(records)
    return cuts


def _too_long(name: str, length: int) -> ValueError:
    return ValueError(
        f"{name.partition('.')[2]} has {length} bytes; a string on the wire holds at most {MAX_STRING}"
    )
