"""The subject of a certificate as Java writes it (RFC 2253): what Kafka's principal mapping rules are matched against.

Only the types of RFC 2253 have names; any other is its object identifier with the value in hexadecimal.
"""

from __future__ import annotations

TYPE_NAMES = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}
SEQUENCE, SET, OBJECT_IDENTIFIER, EXPLICIT_0 = 0x30, 0x31, 0x06, 0xA0
TEXT_TYPES = {
    0x0C: "utf-8",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
ESCAPED = ',+"\\<>;'

Item = tuple[int, bytes, bytes]
"""A DER element: tag, content, and the whole of it."""


def subject_of(certificate: bytes) -> str:
    """The subject's name of a certificate in DER. Raises ValueError when it is none."""
    try:
        fields = _items(_items(_items(certificate)[0][1])[0][1])
        if fields[0][0] == EXPLICIT_0:  # the version, absent in certificates of version 1
            fields = fields[1:]
        # serial number, signature, issuer, validity, subject
        subject = fields[4][1]
        relative_names = [_relative_name(one[1]) for one in _items(subject)]
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"this is no certificate in DER: {error}") from error
    return ",".join(reversed(relative_names))


def _relative_name(data: bytes) -> str:
    pairs = []
    for item in _items(data):
        kind, value = _items(item[1])[:2]
        identifier = _object_identifier(kind[1])
        name, encoding = TYPE_NAMES.get(identifier), TEXT_TYPES.get(value[0])
        if name is None or encoding is None:
            pairs.append(f"{name or identifier}=#{value[2].hex()}")
        else:
            pairs.append(f"{name}={_escape(value[1].decode(encoding))}")
    return "+".join(pairs)


def _escape(text: str) -> str:
    shown = "".join(f"\\{one}" if one in ESCAPED else one for one in text)
    if shown.startswith(("#", " ")):
        shown = f"\\{shown}"
    if len(text) > 1 and text.endswith(" "):
        shown = f"{shown[:-1]}\\ "
    return shown


def _object_identifier(data: bytes) -> str:
    numbers, value = [], 0
    for byte in data:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(str(one) for one in (first, numbers[0] - 40 * first, *numbers[1:]))


def _items(data: bytes) -> list[Item]:
    found, position = [], 0
    while position < len(data):
        start, tag, length = position, data[position], data[position + 1]
        position += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(data[position : position + count], "big")
            position += count
        end = position + length
        if end > len(data):
            raise IndexError(f"{length} bytes at {position} of {len(data)}")
        found.append((tag, data[position:end], data[start:end]))
        position = end
    return found
