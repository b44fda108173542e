"""Gets a small document (a key set) from a file or over HTTP; runs on a worker thread, never in the core."""

from __future__ import annotations

TIMEOUT_S = 10.0
"""A key server answers in milliseconds; a login that waits for it longer than this is better refused."""
MAX_BYTES = 1024 * 1024
"""A key set has a few keys of a few hundred bytes; a megabyte is a thousand of them."""


def fetch(url: str) -> bytes:
    """The document's bytes. Raises OSError (urllib's own errors are such) when it cannot be had or is too large."""
    import http.client
    import urllib.request

    if not url.startswith(("file:", "http:", "https:")):
        raise OSError(f"cannot fetch {url!r}: give a file:, http: or https: URL")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            data: bytes = answer.read(MAX_BYTES + 1)
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"cannot fetch {url}: {error!r}") from error
    if len(data) > MAX_BYTES:
        raise OSError(f"{url} is larger than {MAX_BYTES} bytes: is it a key set?")
    return data
