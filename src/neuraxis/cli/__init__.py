"""The command line: `neuraxis COMMAND ...`.

The rule of the file: starting up imports click and nothing else; a command's module is imported when it is used.
"""

from __future__ import annotations

import importlib
import sys

import click

from neuraxis.cli.session import connection_options

# Command -> (module, one line of help). The help stands here so that `neuraxis --help` imports no command.
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("neuraxis.cli.up", "Start a broker on this machine."),
    "topic": ("neuraxis.cli.topic", "Create, list, describe, alter and delete topics."),
    "produce": ("neuraxis.cli.produce", "Send lines from a file or standard input to a topic."),
    "consume": ("neuraxis.cli.consume", "Read a topic."),
    "group": ("neuraxis.cli.group", "List, describe, reset and delete consumer groups."),
    "clients": ("neuraxis.cli.clients", "Who is connected to a Neuraxis broker, and who was refused."),
    "user": ("neuraxis.cli.user", "Add, list and remove users with passwords."),
    "acl": ("neuraxis.cli.acl", "Who may do what: add, list and remove access rules."),
    "quota": (
        "neuraxis.cli.quota",
        "How much a user or a client may send, read and change: list, set, remove.",
    ),
    "config": ("neuraxis.cli.config", "Get, set and delete configuration of topics, brokers and groups."),
    "backup": ("neuraxis.cli.backup", "Take and list consistent copies of a running broker."),
    "restore": ("neuraxis.cli.restore", "Make a data directory from a backup."),
    "log": ("neuraxis.cli.log", "Look into a data directory without a broker."),
    "verify": (
        "neuraxis.cli.verify",
        "Check that a cluster keeps its promises, also while it is being killed.",
    ),
}

EPILOG = """
\b
Examples:
  neuraxis up                                        start a broker on 127.0.0.1:9092
  neuraxis topic create drives --partitions 6
  echo hello | neuraxis produce drives
  neuraxis consume drives --max 1
  neuraxis group describe dashboard                  lag per partition, and who reads it

\b
Every command but `up` works against any Kafka cluster:
  neuraxis --bootstrap kafka.example:9092 topic list
  export NEURAXIS_BOOTSTRAP=kafka.example:9092
  neuraxis --settings cluster.toml topic list        user names, passwords, certificates
  neuraxis --command-config client.properties topic list

\b
Exit codes: 0 done, 1 it failed (what happened, then the next command), 2 wrong usage.
"""


class LazyGroup(click.Group):
    """A click group whose commands are imported on first use."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the commands in the order of the table: the way a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import and return one command."""
        if name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[name][0]).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[name][0]}.command is not a click command")
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, short) in COMMANDS.items()])


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=EPILOG,
    no_args_is_help=True,
)
@click.version_option(None, "-V", "--version", package_name="neuraxis", message="neuraxis %(version)s")
@connection_options
def root() -> None:
    """Neuraxis: a durable, Kafka-compatible broker in one command, and tools for any Kafka cluster."""


def main() -> None:
    """Run the command line; the entry point of the `neuraxis` script."""
    try:
        root.main(prog_name="neuraxis")
    except BrokenPipeError:
        # The reader of our output went away (`neuraxis consume drives | head`): the end, not a failure.
        sys.stderr.close()
        sys.exit(0)
