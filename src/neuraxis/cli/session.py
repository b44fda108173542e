"""What every command shares: the connection options, how failures are printed, and the way to the cluster.

The rule of the file: `--bootstrap`, `--settings` and `--json` may stand before or behind the command; the nearest wins.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from neuraxis.client import Admin, Settings

Function = TypeVar(
    "Function", bound=Callable[..., Any]
)  # Any: click commands take whatever their options say
_KEY = "neuraxis.cli.connection"


class Failure(click.ClickException):
    """A command failed: one line of what happened, one line with the next command, exit code 1."""

    exit_code = 1

    def __init__(self, what: str, next_step: str, *, as_json: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step
        self.as_json = as_json

    def show(self, file: Any = None) -> None:  # Any: click's signature
        """Print both lines (or one JSON object) to stderr."""
        if self.as_json:
            click.echo(json.dumps({"error": self.what, "next": self.next_step}), err=True)
            return
        click.secho(f"Error: {self.what}", fg="red", err=True)
        click.echo(f"Next:  {self.next_step}", err=True)


class Session:
    """The connection a command was asked to use, resolved on first need."""

    def __init__(self, bootstrap: str | None, settings_file: str | None, as_json: bool) -> None:
        self.bootstrap = bootstrap
        self.settings_file = settings_file
        self.json = as_json

    @property
    def settings(self) -> Settings:
        """The settings: file, then environment, then options."""
        from neuraxis.client import Settings

        return Settings.load(self.settings_file, bootstrap=self.bootstrap)

    def admin(self) -> Admin:
        """Return an admin client for the cluster."""
        from neuraxis.client import Admin

        return Admin(self.settings)

    def show(self, value: object, text: str) -> None:
        """Print `value` as JSON with --json, else `text`."""
        click.echo(json.dumps(value, ensure_ascii=False) if self.json else text)

    def note(self, text: str) -> None:
        """Print a remark for people to stderr; nothing with --json."""
        if not self.json:
            click.echo(text, err=True)


def connection_options(function: Function) -> Function:
    """Add --bootstrap, --settings and --json to the root command, where they count for every command below."""

    def root(bootstrap: str | None, settings_file: str | None, as_json: bool) -> None:
        click.get_current_context().meta[_KEY] = (bootstrap, settings_file, as_json)
        function()

    root.__doc__, root.__name__ = function.__doc__, function.__name__
    return _with_options(root)  # type: ignore[return-value]  # same shape as click sees it


def connects(function: Function) -> Function:
    """Make a command one that talks to a cluster: adds the options and passes `session` as its first argument."""

    def command(
        bootstrap: str | None,
        settings_file: str | None,
        as_json: bool,
        **arguments: Any,  # Any: the command's own options
    ) -> None:
        from neuraxis.client import ClientError

        above = click.get_current_context().meta.get(_KEY, (None, None, False))
        session = Session(bootstrap or above[0], settings_file or above[1], as_json or above[2])
        try:
            function(session, **arguments)
        except ClientError as error:
            raise Failure(error.what, error.next_step, as_json=session.json) from error

    command.__doc__, command.__name__ = function.__doc__, function.__name__
    command.__click_params__ = list(getattr(function, "__click_params__", []))  # type: ignore[attr-defined]  # where click keeps them
    return _with_options(command)  # type: ignore[return-value]  # same shape as click sees it


def _with_options(function: Callable[..., None]) -> Callable[..., None]:
    for decorate in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON of a stable shape."),
        click.option(
            "--settings",
            "--command-config",
            "settings_file",
            metavar="FILE",
            help="File with the connection: our TOML, or a client.properties of Kafka.  [env: NEURAXIS_SETTINGS]",
        ),
        click.option(
            "--bootstrap",
            metavar="HOST:PORT",
            help="Broker to ask first.  [env: NEURAXIS_BOOTSTRAP; default: 127.0.0.1:9092]",
        ),
    ):
        function = decorate(function)
    return function
