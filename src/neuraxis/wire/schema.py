"""The vocabulary in which messages are declared: `@message`, `@struct` and the field kinds.

A declaration costs microseconds (hundreds are imported at start-up): version ranges stay text and `__init__` is
compiled only when first needed. The rule of the file: facts about a message live in its declaration, nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar, dataclass_transform

ZERO_UUID = bytes(16)
"""Kafka's "no id"."""

MAX_VERSION = 32767
"""Versions are int16 on the wire."""

T = TypeVar("T")


class Span(Protocol):
    """Bytes that are not in memory yet (a range of a file): whoever writes the answer fetches `length` bytes."""

    @property
    def length(self) -> int:
        """Size in bytes."""


BYTES = (bytes, memoryview, bytearray)
"""Bytes in memory, for isinstance (a tuple: a union is four times slower)."""

Part = bytes | memoryview | Span
Records = bytes | memoryview | Span | list[Part] | tuple[Part, ...]
"""What a records field takes when it is encoded; decoding gives a memoryview of the input."""


class _Fresh:
    """Stands in signatures for a default that each instance gets anew."""

    def __repr__(self) -> str:
        return "<new>"


FRESH = _Fresh()
UNSET: Any = object()  # Any: it stands where a default of any kind could stand


class Field:
    """One field of a message: its kind, the versions that carry it, and what it holds when they do not."""

    __slots__ = ("default", "item", "kind", "legacy", "nullable", "tag", "versions")

    def __init__(
        self,
        kind: str,
        versions: str,
        nullable: str,
        tag: int | None,
        default: object,
        item: object = None,
        legacy: bool = False,
    ) -> None:
        self.kind = kind
        self.versions = versions
        self.nullable = nullable
        self.tag = tag
        self.default = default
        self.item = item
        self.legacy = legacy

    def present(self, version: int) -> bool:
        """Whether this version carries the field."""
        low, high = parse_versions(self.versions)
        return low <= version <= high

    def is_nullable(self, version: int) -> bool:
        """Whether null is a value of the field in this version."""
        low, high = parse_versions(self.nullable)
        return low <= version <= high

    def default_value(self) -> object:
        """A new default: what the field holds when nobody set it."""
        if self.default is not FRESH:
            return self.default
        return [] if self.kind == "array" else self.item()  # type: ignore[operator]  # a struct's item is its class


def parse_versions(text: str) -> tuple[int, int]:
    """First and last version of "3+", "3-13", "4" or "none" (which gives an empty range)."""
    if text == "none":
        return 0, -1
    if text.endswith("+"):
        return int(text[:-1]), MAX_VERSION
    low, _, high = text.partition("-")
    return int(low), int(high or low)


# --- the field kinds ------------------------------------------------------------------------------------------
# Each returns a Field but is typed Any, so that `acks: int = int16()` reads as "an int with a default".


def boolean(versions: str = "0+", *, tag: int | None = None, default: bool = False) -> Any:  # Any: see above
    """One byte, 0 or 1."""
    return Field("bool", versions, "none", tag, default)


def int8(versions: str = "0+", *, tag: int | None = None, default: int = 0) -> Any:  # Any: see above
    """A signed byte."""
    return Field("int8", versions, "none", tag, default)


def int16(versions: str = "0+", *, tag: int | None = None, default: int = 0) -> Any:  # Any: see above
    """A signed 16-bit integer; error codes are plain int16 too."""
    return Field("int16", versions, "none", tag, default)


def int32(versions: str = "0+", *, tag: int | None = None, default: int = 0) -> Any:  # Any: see above
    """A signed 32-bit integer."""
    return Field("int32", versions, "none", tag, default)


def int64(versions: str = "0+", *, tag: int | None = None, default: int = 0) -> Any:  # Any: see above
    """A signed 64-bit integer."""
    return Field("int64", versions, "none", tag, default)


def uint16(versions: str = "0+", *, tag: int | None = None, default: int = 0) -> Any:  # Any: see above
    """An unsigned 16-bit integer (ports)."""
    return Field("uint16", versions, "none", tag, default)


def uint32(versions: str = "0+", *, tag: int | None = None, default: int = 0) -> Any:  # Any: see above
    """An unsigned 32-bit integer."""
    return Field("uint32", versions, "none", tag, default)


def float64(versions: str = "0+", *, tag: int | None = None, default: float = 0.0) -> Any:  # Any: see above
    """An IEEE 754 double."""
    return Field("float64", versions, "none", tag, default)


def uuid(
    versions: str = "0+", *, tag: int | None = None, default: bytes = ZERO_UUID
) -> Any:  # Any: see above
    """Sixteen bytes, kept as `bytes`."""
    return Field("uuid", versions, "none", tag, default)


def string(
    versions: str = "0+",
    *,
    nullable: str = "none",
    tag: int | None = None,
    default: str | None = "",
    legacy: bool = False,
) -> Any:  # Any: see above
    """UTF-8 of at most 32,767 bytes; `legacy` keeps the 16-bit length even in flexible versions."""
    return Field("string", versions, nullable, tag, default, None, legacy)


def bytes_(
    versions: str = "0+", *, nullable: str = "none", tag: int | None = None, default: bytes | None = b""
) -> Any:  # Any: see above
    """Opaque bytes, copied when decoded."""
    return Field("bytes", versions, nullable, tag, default)


def records_(
    versions: str = "0+", *, nullable: str = "none", tag: int | None = None
) -> Any:  # Any: see above
    """Record batches, never copied: decoded to a memoryview of the input, encoded from any `Records`."""
    return Field("records", versions, nullable, tag, None)


def array_of(
    item: object,
    versions: str = "0+",
    *,
    nullable: str = "none",
    tag: int | None = None,
    default: None = UNSET,
) -> Any:  # Any: see above
    """A list of a struct class, or of a field kind such as `int32` or `string`."""
    if not isinstance(item, type):
        item = item().kind  # type: ignore[operator]  # a field kind: the function itself was passed
    return Field("array", versions, nullable, tag, FRESH if default is UNSET else default, item)


def struct_of(
    item: type, versions: str = "0+", *, nullable: str = "none", tag: int | None = None, default: None = UNSET
) -> Any:  # Any: see above
    """A nested struct. A tagged one is None when absent, although Kafka calls it not nullable."""
    if tag is not None:
        default = None
    return Field("struct", versions, nullable, tag, FRESH if default is UNSET else default, item)


# --- the classes ----------------------------------------------------------------------------------------------


class Schema:
    """What a declaration says about its class: name, kind, key, version ranges and fields."""

    __slots__ = ("fields", "flexible", "key", "kind", "name", "valid")

    def __init__(
        self, name: str, kind: str, key: int | None, valid: str, flexible: str, fields: dict[str, Field]
    ) -> None:
        self.name = name
        self.kind = kind
        self.key = key
        self.valid = valid
        self.flexible = flexible
        self.fields = fields

    @property
    def versions(self) -> range:
        """The versions that exist."""
        low, high = parse_versions(self.valid)
        return range(low, high + 1)

    def is_flexible(self, version: int) -> bool:
        """Whether this version uses compact lengths and tagged fields."""
        low, high = parse_versions(self.flexible)
        return low <= version <= high


class Message:
    """Base of all declared classes: mutable, slotted, compared and printed by field."""

    __slots__ = ()
    __schema__: Schema
    __hash__ = None  # type: ignore[assignment]  # mutable values are not hashable

    def __init__(self, *args: object, **kwargs: object) -> None:
        cls = type(self)
        cls.__init__ = _compile_init(cls)  # type: ignore[method-assign]  # the class takes its own from now on
        cls.__init__(self, *args, **kwargs)

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__schema__.fields)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__schema__.fields)
        return f"{type(self).__name__}({fields})"


def schema_of(cls: type) -> Schema:
    """The declaration behind a message or struct class."""
    schema: Schema = cls.__schema__  # type: ignore[attr-defined]  # the decorators put it there
    return schema


def fields_of(cls: type) -> Iterator[tuple[str, Field]]:
    """Name and field, in wire order."""
    return iter(schema_of(cls).fields.items())


def _compile_init(cls: type) -> Callable[..., None]:
    """A keyword-capable `__init__`: every field has a default, lists and structs a new one per instance."""
    namespace: dict[str, Any] = {"FRESH": FRESH}  # Any: the globals of generated code
    parameters, body = ["self"], []
    for name, field in schema_of(cls).fields.items():
        if field.default is FRESH:
            namespace["new_" + name] = list if field.kind == "array" else field.item
            parameters.append(f"{name}=FRESH")
            body.append(f"self.{name} = new_{name}() if {name} is FRESH else {name}")
        else:
            namespace["default_" + name] = field.default
            parameters.append(f"{name}=default_{name}")
            body.append(f"self.{name} = {name}")
    exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(body or ["pass"]), namespace)
    init: Callable[..., None] = namespace["__init__"]
    init.__qualname__ = f"{cls.__name__}.__init__"
    return init


def _build(cls: type, kind: str, key: int | None, valid: str, flexible: str) -> type:
    """The slotted class behind a declaration."""
    fields = {}
    namespace: dict[str, object] = {}
    for name, value in cls.__dict__.items():
        if value.__class__ is Field:
            fields[name] = value
        elif name not in ("__dict__", "__weakref__"):
            namespace[name] = value
    namespace["__slots__"] = tuple(fields)
    namespace["__schema__"] = Schema(cls.__name__, kind, key, valid, flexible, fields)
    return type(cls.__name__, (Message,), namespace)


@dataclass_transform()
def message(
    *, key: int | None = None, valid: str, flexible: str = "none", kind: str = ""
) -> Callable[[type[T]], type[T]]:
    """Declare a message: its key, the versions that exist, those that are flexible.

    kind is request, response, header, data, coordinator-key or coordinator-value; the first two follow from the name.
    """

    def decorate(cls: type[T]) -> type[T]:
        return _build(
            cls, kind or ("request" if cls.__name__.endswith("Request") else "response"), key, valid, flexible
        )

    return decorate


@dataclass_transform()
def struct(cls: type[T]) -> type[T]:
    """Declare a struct that messages nest; its versions and flexibility are those of the message around it."""
    return _build(cls, "struct", None, "0+", "0+")
