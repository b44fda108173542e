"""TLS for the server's loop: a socket that encrypts and never waits, and contexts made anew when a certificate file changes.

One of the few places where the outside world begins (`pyproject.toml`, purity). The rule of the file: whatever OpenSSL
wants to wait for is a BlockingIOError, so that the loop treats a TLS socket like any other (docs/decisions/0011).
"""

from __future__ import annotations

import logging
import os
import ssl
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuraxis.broker.security.distinguished_name import subject_of
from neuraxis.broker.security.mapping import map_name

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator, Sequence

    from neuraxis.broker.security.listener import ListenerSecurity, TlsSettings

logger = logging.getLogger("neuraxis.broker")

RECORD_BYTES = 16 * 1024
"""The largest TLS record: with so much room nothing decrypted stays behind in OpenSSL, where epoll cannot see it."""
VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
CLIENT_AUTH = {"none": ssl.CERT_NONE, "requested": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
PEM_BEGINS = b"-----BEGIN "

Stamp = tuple[tuple[int, int, int] | None, ...]


class TlsSocket(ssl.SSLSocket):
    """A non-blocking TLS socket. `established` turns true when the handshake is done, `wants_write` while it waits to send."""

    established = False
    wants_write = False

    def shake_hands(self) -> None:
        """Go on with the handshake. Raises BlockingIOError while it is not done, OSError when it failed."""
        self.wants_write = False
        try:
            self.do_handshake()
        except ssl.SSLWantReadError as error:
            raise BlockingIOError from error
        except ssl.SSLWantWriteError as error:
            self.wants_write = True
            raise BlockingIOError from error
        except ssl.SSLEOFError as error:
            raise ConnectionResetError("the peer left during the handshake") from error
        self.established = True

    def close(self) -> None:
        """Say the farewell that TLS asks for, as far as that goes without waiting, and close."""
        if self.established:
            with suppress(OSError, ValueError):
                self.unwrap()
        super().close()

    def take(self, buffer: memoryview) -> int:
        """Decrypt what there is into the buffer, record by record; 0 at the end. BlockingIOError when there is nothing now."""
        total = 0
        while len(buffer) - total >= RECORD_BYTES:
            try:
                count = super().recv_into(buffer[total:])
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError:
                if total:
                    break  # what came before the failure counts; the next call fails again
                raise
            if count == 0:
                return total
            total += count
        if total == 0:
            raise BlockingIOError
        return total

    def send(self, data: Any, flags: int = 0) -> int:  # Any: any buffer, as in the class above
        """Encrypt and send some of the bytes; BlockingIOError when the socket takes none."""
        del flags
        try:
            return super().send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            raise BlockingIOError from error

    def sendmsg(  # type: ignore[override]  # the class above refuses it at run time, and says so in its types
        self,
        buffers: Any,  # Any: the buffers waiting, a sequence of memoryviews
        *_: object,
    ) -> int:
        """Send from the front of the buffers: small ones together, so that they share a record."""
        first = buffers[0]
        if len(buffers) > 1 and len(first) < RECORD_BYTES:
            first = b"".join(_up_to_a_record(buffers))
        return self.send(first)


def _up_to_a_record(buffers: Iterable[memoryview]) -> Iterator[memoryview]:
    size = 0
    for buffer in buffers:
        yield buffer
        size += len(buffer)
        if size >= RECORD_BYTES:
            return


class TlsListener:
    """The TLS side of a listener. Raises ValueError with the next step when its certificates cannot be used."""

    def __init__(self, security: ListenerSecurity) -> None:
        assert security.tls is not None, "a listener without TLS"
        self.security = security
        self._settings = security.tls
        self._stamp = _stamp(self._settings)
        self._context = server_context(self._settings)

    def wrap(self, sock: socket.socket) -> TlsSocket:
        """The accepted socket as a TLS socket whose handshake is yet to be done."""
        wrapped = self._context.wrap_socket(
            sock, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=True
        )
        assert isinstance(wrapped, TlsSocket)
        return wrapped

    def principal(self, sock: TlsSocket) -> str | None:
        """Who a certificate says the peer is; None for a peer without one. Raises ValueError when no rule takes its name."""
        certificate = sock.getpeercert(binary_form=True)
        if not certificate or self._settings.client_auth == "none":
            return None
        name = subject_of(certificate)
        user = map_name(name, self.security.principal_rules)
        if user is None:
            raise ValueError(f"its certificate's name {name!r} matches none of ssl.principal.mapping.rules")
        return f"User:{user}"

    def reload(self) -> bool:
        """Take changed files into use for new connections; whether it did. Unusable ones are named, the old ones stay."""
        stamp = _stamp(self._settings)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self._context = server_context(self._settings)
        except ValueError as error:
            logger.error("listener %s goes on with its old certificate: %s", self.security.name, error)
            return False
        logger.info("listener %s has loaded its certificate anew", self.security.name)
        return True


def _stamp(settings: TlsSettings) -> Stamp:
    found: list[tuple[int, int, int] | None] = []
    for path in (settings.keystore, settings.truststore):
        try:
            status = os.stat(path) if path else None
        except OSError:
            status = None
        found.append(None if status is None else (status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(found)


def server_context(settings: TlsSettings) -> ssl.SSLContext:
    """The context of a listener. Raises ValueError that names the file and the next step."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslsocket_class = TlsSocket
    versions = [VERSIONS[each] for each in settings.versions]
    context.minimum_version, context.maximum_version = min(versions), max(versions)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    if settings.cipher_suites:
        _set_ciphers(context, settings.cipher_suites)
    _load_own(context, settings)
    if settings.client_auth != "none":
        _load_trusted(context, settings)
        context.verify_mode = CLIENT_AUTH[settings.client_auth]
    return context


def _set_ciphers(context: ssl.SSLContext, names: Sequence[str]) -> None:
    # Suites of TLS 1.3 are not chosen through this call; OpenSSL's three are all good.
    older = [each for each in names if not each.startswith(("TLS_AES_", "TLS_CHACHA20_"))]
    try:
        if older:
            context.set_ciphers(":".join(older))
    except ssl.SSLError as error:
        raise ValueError(
            f"ssl.cipher.suites: OpenSSL knows none of {', '.join(older)}; give OpenSSL's names "
            "(for example ECDHE-ECDSA-AES256-GCM-SHA384)"
        ) from error


def _load_own(context: ssl.SSLContext, settings: TlsSettings) -> None:
    password = settings.key_password or settings.keystore_password
    where = settings.keystore or "ssl.keystore.key"
    data = (
        _read(settings.keystore)
        if settings.keystore
        else f"{settings.key}\n{settings.certificate_chain}".encode()
    )
    if not data.lstrip().startswith(PEM_BEGINS) and PEM_BEGINS not in data:
        data, password = _from_pkcs12(where, data, settings.keystore_password), ""
    # OpenSSL reads key and chain from a file only: one that exists in memory, for this process alone.
    descriptor = os.memfd_create("neuraxis-keystore", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, data)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=lambda: password)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise ValueError(
            f"{where} cannot be used as a key and a certificate chain in PEM: {error}; it must hold the private "
            "key (with ssl.key.password if it is encrypted) and the certificate that belongs to it, leaf first"
        ) from error
    finally:
        os.close(descriptor)


def _load_trusted(context: ssl.SSLContext, settings: TlsSettings) -> None:
    where = settings.truststore or "ssl.truststore.certificates"
    data = _read(settings.truststore) if settings.truststore else settings.trusted.encode()
    if PEM_BEGINS not in data:
        data = _from_pkcs12(where, data, settings.truststore_password)
    try:
        context.load_verify_locations(cadata=data.decode("ascii", "ignore"))
    except ssl.SSLError as error:
        raise ValueError(f"{where} holds no certificates in PEM: {error}") from error


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error


def _from_pkcs12(where: str, data: bytes, password: str) -> bytes:
    """A PKCS #12 store as PEM; Java's own JKS format is refused with the way out."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.serialization import pkcs12

        store = pkcs12.load_pkcs12(data, password.encode())
    except ImportError as error:
        raise ValueError(
            f"{where} is not PEM; other stores need: pip install 'neuraxis[security]'"
        ) from error
    except ValueError as error:
        raise ValueError(
            f"{where} is neither PEM nor PKCS #12 with the given password; of a JKS store make one with: "
            f"keytool -importkeystore -srckeystore {where} -destkeystore store.p12 -deststoretype PKCS12"
        ) from error
    parts = []
    if store.key is not None:
        parts.append(
            store.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    for each in (store.cert, *store.additional_certs):
        if each is not None:
            parts.append(each.certificate.public_bytes(serialization.Encoding.PEM))
    return b"".join(parts)
