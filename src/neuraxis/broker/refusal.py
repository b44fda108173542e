"""An answer that says one error to everything a request named: for handlers that failed before they wrote anything."""

from __future__ import annotations

from typing import Any  # Any: requests and responses of every API, seen through their declared fields

from neuraxis.wire.schema import fields_of


def refusal(request: Any, response_type: type, code: int) -> Any | None:
    """Build a response of `response_type` with `code` wherever it has an error field.

    Arrays of the response are mirrored from the request array whose elements carry the same identifying fields (topic
    name, partition index, resource name, group id), as Kafka's own error responses do.

    Returns None when the response has no place for an error: then only closing the connection is honest.
    """
    response = response_type()
    return response if _fill(request, response, code) else None


def _fill(request: Any, response: Any, code: int) -> bool:
    told = False
    for name, field in fields_of(type(response)):
        if name == "error_code":
            response.error_code = code
            told = True
        elif field.kind == "array" and isinstance(field.item, type):
            told = _mirror(request, response, name, field.item, code) or told
    return told


def _mirror(request: Any, response: Any, name: str, element_type: type, code: int) -> bool:
    wanted = {known for known, _ in fields_of(element_type)}
    for source, _ in fields_of(type(request)):
        asked = getattr(request, source)
        if not isinstance(asked, list) or not asked:
            continue
        mirrored = []
        for item in asked:
            element = element_type()
            if isinstance(item, str | int):
                if not _set_identity(element, item, wanted):
                    break
            elif not _copy_shared(item, element, wanted):
                break
            if not _fill(item, element, code):
                break
            mirrored.append(element)
        else:
            setattr(response, name, mirrored)
            return True
    return False


def _set_identity(element: Any, value: str | int, wanted: set[str]) -> bool:
    names = (
        ("name", "group_id")
        if isinstance(value, str)
        else ("partition_index", "partition_id", "partition", "index")
    )
    for candidate in names:
        if candidate in wanted:
            setattr(element, candidate, value)
            return True
    return False


def _copy_shared(item: Any, element: Any, wanted: set[str]) -> bool:
    shared = False
    for name, _ in fields_of(type(item)):
        value = getattr(item, name)
        if name in wanted and not isinstance(value, list):
            setattr(element, name, value)
            shared = True
    return shared
