"""`neuraxis user`: who may log in with a password, on Neuraxis and on any Kafka cluster with SCRAM."""

from __future__ import annotations

import sys
from typing import TextIO

import click

from neuraxis.cli.output import table
from neuraxis.cli.session import Session, connects

EXAMPLES = """
\b
Examples:
  neuraxis user add ann                            asks for the password twice
  neuraxis user add robot --generate               makes one and prints it once
  pass show kafka/ann | neuraxis user password ann --password-file -
  neuraxis user list
  neuraxis user remove ann

\b
A user can log in by SCRAM-SHA-256 and SCRAM-SHA-512, and on Neuraxis by PLAIN too. The broker keeps salted hashes.
"""

MECHANISMS = click.Choice(["SCRAM-SHA-256", "SCRAM-SHA-512"])
GENERATED_BYTES = 24  # 192 bits: nobody guesses it, and it can still be pasted


@click.group(epilog=EXAMPLES)
def command() -> None:
    """Add, list and remove users with passwords, and change their passwords."""


def _password_options(function: click.decorators.FC) -> click.decorators.FC:
    for decorate in (
        click.option("--generate", is_flag=True, help="Make a password and print it."),
        click.option(
            "--password-file", type=click.File(), help="File with the password; - is standard input."
        ),
        click.option(
            "--mechanism",
            "mechanisms",
            type=MECHANISMS,
            multiple=True,
            help="Only for this; repeatable.  [default: both]",
        ),
    ):
        function = decorate(function)
    return function


@command.command()
@connects
@click.argument("name")
@_password_options
def add(
    session: Session,
    name: str,
    mechanisms: tuple[str, ...],
    password_file: TextIO | None,
    generate: bool,
) -> None:
    """Add the user NAME."""
    from neuraxis.client import ClientError

    admin = session.admin()
    if name in admin.users():
        raise ClientError(
            f"the user {name} exists", f"change the password with `neuraxis user password {name}`"
        )
    _give(session, name, mechanisms, password_file, generate, "added")


@command.command()
@connects
@click.argument("name")
@_password_options
def password(
    session: Session,
    name: str,
    mechanisms: tuple[str, ...],
    password_file: TextIO | None,
    generate: bool,
) -> None:
    """Change the password of NAME. Open connections stay."""
    from neuraxis.client import ClientError

    if name not in session.admin().users():
        raise ClientError(f"there is no user {name}", f"add it with `neuraxis user add {name}`")
    _give(session, name, mechanisms, password_file, generate, "changed")


def _give(
    session: Session,
    name: str,
    mechanisms: tuple[str, ...],
    password_file: TextIO | None,
    generate: bool,
    done: str,
) -> None:
    from neuraxis.client import ClientError

    generated = None
    if generate:
        import secrets

        text = generated = secrets.token_urlsafe(GENERATED_BYTES)
    elif password_file is not None:
        text = password_file.read().rstrip("\r\n")
    elif sys.stdin.isatty():
        text = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        raise ClientError(
            "no password is given", "pass --generate, or --password-file - and the password as input"
        )
    if not text:
        raise ClientError("the password is empty", "give one, or pass --generate")
    chosen = mechanisms or ("SCRAM-SHA-256", "SCRAM-SHA-512")
    session.admin().set_password(name, text, chosen)
    shown = f"User {name} {done} for {', '.join(chosen)}."
    if generated is not None:
        shown += f"\nPassword: {generated}"
    session.show({"user": name, "mechanisms": list(chosen), "password": generated}, shown)


@command.command("list")
@connects
def list_(session: Session) -> None:
    """List users and the mechanisms that they have a password for."""
    found = session.admin().users()
    value = [
        {
            "user": name,
            "mechanisms": [{"mechanism": kind, "iterations": count} for kind, count in credentials],
        }
        for name, credentials in sorted(found.items())
    ]
    rows = [
        (name, ", ".join(f"{kind} ({count} iterations)" for kind, count in credentials))
        for name, credentials in sorted(found.items())
    ]
    session.show({"users": value}, table(("user", "mechanisms"), rows) if rows else "There are no users.")


@command.command()
@connects
@click.argument("name")
def remove(session: Session, name: str) -> None:
    """Remove the user NAME: no new login succeeds; open connections stay."""
    from neuraxis.client import ClientError

    admin = session.admin()
    credentials = admin.users().get(name)
    if credentials is None:
        raise ClientError(f"there is no user {name}", "see who there is with `neuraxis user list`")
    admin.remove_password(name, [kind for kind, _ in credentials])
    session.show({"user": name}, f"User {name} removed.")
