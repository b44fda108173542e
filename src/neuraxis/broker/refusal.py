"""An answer that says one error to everything a request named: for handlers that failed before they wrote anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire.schema import Message, fields_of

if TYPE_CHECKING:
    from neuraxis.broker.call import Body

NAMES = ("name", "group_id", "key", "transactional_id")
"""What responses call the thing that a request names by a plain string."""
PARTITIONS = ("partition_index", "partition_id", "partition", "index")
"""What requests and responses call a partition's number; the two of one API do not always agree."""


def refusal(request: Body, response_type: type, code: int, version: int) -> Body | None:
    """Build a response of `response_type` with `code` wherever it has an error field in this version.

    Arrays of the response are mirrored from the request array whose elements carry the same identifying fields (topic
    name, partition index, resource name, group id), as Kafka's own error responses do.

    Returns None when the response has no place for an error: then only closing the connection is honest.
    """
    response = response_type()
    return response if _fill(request, response, code, version) else None


def _fill(request: Body, response: Body, code: int, version: int) -> bool:
    told = False
    for name, field in fields_of(type(response)):
        if not field.present(version):
            continue
        if name == "error_code":
            response.error_code = code
            told = True
        elif field.kind == "records" and not field.is_nullable(version):
            setattr(response, name, b"")
        elif field.kind == "array" and isinstance(field.item, type):
            told = _mirror(request, response, name, field.item, code, version) or told
    return told


def _mirror(request: Body, response: Body, name: str, element_type: type, code: int, version: int) -> bool:
    wanted = {known for known, field in fields_of(element_type) if field.present(version)}
    if not isinstance(request, Message):
        return False
    for source, _ in fields_of(type(request)):
        asked = getattr(request, source)
        if not isinstance(asked, list) or not asked:
            continue
        mirrored = []
        for item in asked:
            element = element_type()
            named = (
                _set_identity(element, item, wanted)
                if isinstance(item, str | int)
                else _copy_shared(item, element, wanted, version)
            )
            if not named or not _fill(item, element, code, version):
                break
            mirrored.append(element)
        else:
            setattr(response, name, mirrored)
            return True
    return False


def _set_identity(element: Body, value: str | int, wanted: set[str]) -> bool:
    for candidate in NAMES if isinstance(value, str) else PARTITIONS:
        if candidate in wanted:
            setattr(element, candidate, value)
            return True
    return False


def _copy_shared(item: Body, element: Body, wanted: set[str], version: int) -> bool:
    shared = False
    nullable = {name for name, field in fields_of(type(element)) if field.is_nullable(version)}
    for name, _ in fields_of(type(item)):
        value = getattr(item, name)
        if isinstance(value, list) or (value is None and name not in nullable):
            continue
        if name in wanted:
            setattr(element, name, value)
            shared = True
        elif name in PARTITIONS:
            shared = _set_identity(element, value, wanted) or shared
    return shared
