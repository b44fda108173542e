"""`neuraxis up`: start a broker on this machine and keep it running until it is told to stop."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from neuraxis.broker.config import BrokerConfig, Listener
from neuraxis.broker.descriptors import raise_limit
from neuraxis.broker.log.failures import DirectoryInUse, FormatTooNew, StorageFailed
from neuraxis.broker.log.fs import DiskFs
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.security.listener import PROTOCOLS
from neuraxis.broker.server import Server
from neuraxis.cli import logs

if TYPE_CHECKING:
    from neuraxis.cli.secure import Secured

SWITCH_INTERVAL_S = 0.0005
"""How long a busy loop may keep the interpreter from a thread whose sync has ended; Python's 5 ms is too long."""

YOUNG_OBJECTS = 10_000
"""New objects until a collection: requests leave few cycles behind, and Python's 700 come up every thirty requests."""

STATEMENTS = {
    "sync": "an acknowledged record is on disk: it survives kill -9 and a power cut",
    "interval": "an acknowledged record survives kill -9; a power cut may take back up to the last second",
    "os": "an acknowledged record survives kill -9; a power cut may take back what the system had not written yet",
    "memory": "everything is kept in memory and is gone when the broker stops",
}

OUT_OF_MEMORY = (
    "the process is out of memory, and the broker stops: what is half done must not go on. Nothing that was acknowledged is "
    "lost. Give it more (ulimit -v; systemd: MemoryMax), then start it again"
)

HELP = """
Start a durable, Kafka-compatible broker on this machine.

\b
Examples:
  neuraxis up                                      data in ./neuraxis-data, clients at 127.0.0.1:9092
  neuraxis up --data-dir /var/lib/neuraxis --durability sync
  neuraxis up --listener PLAINTEXT://0.0.0.0:9092 --advertised broker.example:9092
  neuraxis up --set num.partitions=4 --set auto.create.topics.enable=false
  neuraxis up --ephemeral                          for tests: in memory, gone when it stops
  neuraxis up --secure                             TLS and passwords: makes certificates, an admin, a client file
  neuraxis up --secure --listener SASL_SSL://0.0.0.0:9092 --advertised broker.example:9092
  neuraxis up --metrics 127.0.0.1:9404 --log-format json

\b
Durability:
  sync      the reply follows the disk (default): survives kill -9 and power cuts
  interval  the reply follows the write, the disk follows within a second
  os        the reply follows the write, the disk follows when the system writes, as in stock Kafka

It stops cleanly on Ctrl-C and SIGTERM. SIGUSR1 writes all that it is busy with into the log, SIGUSR2 the bare stacks of
its threads, even if it hangs.
"""


def parse_listener(
    text: str, advertised: str | None, index: int, protocols: Mapping[str, str] | None = None
) -> Listener:
    """A listener from `NAME://host:port` and, if given, the `host:port` that clients are told.

    The name is a protocol, or one that `protocols` (listener.security.protocol.map) knows; `index` tells equal ones apart.
    """
    name, separator, address = text.partition("://")
    if not separator:
        name, address = "PLAINTEXT", text
    name = name.upper()
    protocol = (protocols or {}).get(name, name)
    if protocol not in PROTOCOLS:
        raise click.BadParameter(
            f"{name} is no security protocol ({', '.join(PROTOCOLS)}); write PROTOCOL://host:port, or give "
            f"the name a protocol: --set listener.security.protocol.map={name}:SASL_SSL"
        )
    host, port = _address(address)
    shown_host, shown_port = _address(advertised) if advertised else (_reachable(host), 0)
    return Listener(f"{name}{index or ''}", protocol, host, port, shown_host, shown_port)


def _listeners(texts: Sequence[str], advertised: Sequence[str], protocol_map: str) -> tuple[Listener, ...]:
    """All listeners; the second of a name gets a number behind it."""
    if len(advertised) > len(texts):
        raise click.UsageError(
            f"{len(advertised)} --advertised for {len(texts)} --listener: give one for each, in order"
        )
    told = [*advertised, *[None] * (len(texts) - len(advertised))]
    pairs = [pair.partition(":") for pair in protocol_map.split(",") if pair]
    protocols = {name.strip().upper(): protocol.strip().upper() for name, _, protocol in pairs}
    found: list[Listener] = []
    for text, shown in zip(texts, told, strict=True):
        one = parse_listener(text, shown, 0, protocols)
        if any(one.name == other.name for other in found):
            one = parse_listener(text, shown, len(found), protocols)
        found.append(one)
    return tuple(found)


def _address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or int(port) > 65_535:
        raise click.BadParameter(f"{text!r} is not an address; write host:port, for example 127.0.0.1:9092")
    return host.strip("[]") or "0.0.0.0", int(port)


def _reachable(host: str) -> str:
    # A wildcard cannot be told to clients. 127.0.0.1 is right on this machine; others need --advertised.
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host


def _settings(pairs: tuple[str, ...]) -> dict[str, str]:
    settings = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise click.BadParameter(f"{pair!r}: write --set name=value, for example --set num.partitions=4")
        settings[name.strip()] = value.strip()
    return settings


@click.command("up", help=HELP)
@click.option("--data-dir", type=click.Path(path_type=Path), default=Path("neuraxis-data"), show_default=True,
              help="Where everything is kept; created if absent.")  # fmt: skip
@click.option("--listener", "listeners", multiple=True, metavar="PROTOCOL://HOST:PORT",
              help="Address to listen on, with PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL before it; repeat for more.  "
                   "[default: PLAINTEXT://127.0.0.1:9092]")  # fmt: skip
@click.option("--advertised", multiple=True, metavar="HOST:PORT",
              help="Address that clients are told, one for each --listener in the same order.")  # fmt: skip
@click.option("--durability", type=click.Choice(["sync", "interval", "os"]), default="sync", show_default=True,
              help="What an acknowledgement promises where a topic says nothing else.")  # fmt: skip
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any Kafka broker config by Kafka's name; repeatable.",
)
@click.option("--node-id", type=int, default=1, show_default=True, help="This broker's id.")
@click.option("--ephemeral", is_flag=True, help="Keep everything in memory.")
@click.option("--strict-replication", is_flag=True,
              help="Refuse replication factors above 1, as a one-node Kafka would.")  # fmt: skip
@click.option("--secure", is_flag=True,
              help="TLS and passwords: make what is needed, once, and say how to connect.")  # fmt: skip
@click.option("--secure-dir", type=click.Path(path_type=Path, file_okay=False),
              help="Where --secure keeps its files.  [default: DATA-DIR-security]")  # fmt: skip
@click.option("--metrics", metavar="HOST:PORT",
              help="Show metrics there for Prometheus, at /metrics, to whoever asks.  [default: nowhere]")  # fmt: skip
@click.option("--log-format", type=click.Choice([logs.TEXT, logs.JSON]), default=logs.TEXT, show_default=True,
              help="Form of the log on standard error.")  # fmt: skip
@click.option("--no-console", is_flag=True, help="Do not start the web console.")
@click.option("--quiet", is_flag=True, help="Do not print the start screen.")
def command(
    data_dir: Path,
    listeners: tuple[str, ...],
    advertised: tuple[str, ...],
    durability: str,
    pairs: tuple[str, ...],
    node_id: int,
    ephemeral: bool,
    strict_replication: bool,
    secure: bool,
    secure_dir: Path | None,
    metrics: str | None,
    log_format: str,
    no_console: bool,
    quiet: bool,
) -> None:
    """Start a broker."""
    del (
        no_console
    )  # there is no console to leave out yet; the option is kept so that scripts can say it already
    settings = _settings(pairs)
    if metrics is not None:
        _address(metrics)
        settings["neuraxis.metrics.listener"] = metrics
    first = "SASL_SSL" if secure else "PLAINTEXT"
    found = _listeners(
        listeners or (f"{first}://127.0.0.1:9092",),
        advertised,
        settings.get("listener.security.protocol.map", ""),
    )
    secured = (
        _secure(secure_dir or data_dir.with_name(f"{data_dir.name}-security"), found) if secure else None
    )
    config = BrokerConfig(
        data_dir=None if ephemeral else str(data_dir),
        listeners=found,
        durability=durability,
        node_id=node_id,
        strict_replication=strict_replication,
        kafka={**(secured.configs if secured else {}), **settings},
        first_users=secured.users if secured else (),
        renew_first_users=secured is not None and secured.new_admin,
    )
    logs.begin(log_format)
    sys.exit(run(config, quiet=quiet, secured=secured))


def _secure(directory: Path, listeners: Sequence[Listener]) -> Secured:
    from neuraxis.cli.secure import prepare

    chosen = next((one for one in listeners if one.protocol == "SASL_SSL"), None)
    if chosen is None:
        raise click.UsageError(
            "--secure needs a listener of the protocol SASL_SSL: --listener SASL_SSL://host:port"
        )
    bootstrap = f"{chosen.advertised_host}:{chosen.advertised_port or chosen.port}"
    try:
        return prepare(directory, [one.advertised_host for one in listeners], bootstrap)
    except OSError as error:
        raise click.UsageError(
            f"cannot keep certificates in {directory}: {error.strerror}; choose another place with --secure-dir"
        ) from error


def run(config: BrokerConfig, *, quiet: bool, secured: Secured | None = None) -> int:
    """Run the broker until it is told to stop; the exit code."""
    raise_limit()
    try:
        config.check()
        fs = MemoryFs() if config.data_dir is None else DiskFs(config.data_dir)
    except ValueError as error:
        click.echo(f"neuraxis up: {error}", err=True)
        return 1
    except OSError as error:
        click.echo(
            f"neuraxis up: cannot use the data directory {config.data_dir}: {error.strerror}", err=True
        )
        click.echo("Choose another one (--data-dir), or look who may write there: ls -ld", err=True)
        return 1
    gc.disable()  # a start makes little but what stays
    try:
        server = Server(config, fs, alone=True)
        server.open()
    except (DirectoryInUse, FormatTooNew, StorageFailed, ValueError) as error:
        return _refuse(config, error)
    except OSError as error:
        click.echo(f"neuraxis up: {error.strerror}", err=True)
        click.echo(
            "Try another address (--listener PLAINTEXT://127.0.0.1:19092) or look who has it: ss -ltnp",
            err=True,
        )
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    logs.dump_on_signals(server.describe)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    _spare_collections()
    if not quiet:
        click.echo(screen(server, secured))
    try:
        server.serve()
    except StorageFailed as failure:
        return _refuse(config, failure)
    except MemoryError:
        return _refuse(config, MemoryError(OUT_OF_MEMORY))
    return 0


def _refuse(config: BrokerConfig, error: Exception) -> int:
    """Say why it does not run, or no longer, and where its data are; the exit code."""
    click.echo(f"neuraxis up: {error}", err=True)
    if config.data_dir is not None:
        click.echo(f"The data directory is {Path(config.data_dir).resolve()}.", err=True)
    return 1


def _spare_collections() -> None:
    """What was loaded at start stays: no collection need look at it again. (The process is the broker's own here.)"""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def screen(server: Server, secured: Secured | None = None) -> str:
    """What runs where, what an acknowledgement promises, and what to do next: one screen."""
    config = server.config
    first = config.listeners[0]
    bootstrap = f"{first.advertised_host}:{first.advertised_port}"
    policy = "memory" if config.data_dir is None else config.durability
    where = "in memory" if config.data_dir is None else str(Path(config.data_dir).resolve())
    option = "" if bootstrap == "127.0.0.1:9092" else f" --bootstrap {bootstrap}"
    if secured:
        from neuraxis.cli.secure import explain

        option = f" --command-config {secured.client_file}"
    lines = [
        "",
        f"  Neuraxis is running.  Node {config.node_id}, cluster {server.core.node.cluster_id}",
        "",
        *[
            f"  clients    {each.advertised_host}:{each.advertised_port}  ({each.protocol} on {each.host}:{each.port})"
            for each in config.listeners
        ],
        f"  data       {where}",
        f"  durability {policy}: {STATEMENTS[policy]}",
        f"  metrics    {server.metrics_url or 'off (--metrics 127.0.0.1:9404)'}",
        f"  topics     {sum(1 for topic in server.core.node.topics.values() if not topic.internal)}",
        *(explain(secured) if secured else []),
        "",
        "  Next, in another terminal:",
        f"    neuraxis{option} topic create drives --partitions 4",
        f"    echo hello | neuraxis{option} produce drives",
        f"    neuraxis{option} consume drives --max 1",
        "",
        "  Stop with Ctrl-C.",
        "",
    ]
    report = server.core.node.recovery
    if report is not None:
        for note in [*report.notes, *(f"left alone: {name}" for name in report.unparsed)]:
            lines.insert(-1, f"  note: {note}")
    return "\n".join(lines)
