from __future__ import annotations

from tests.cli.support import Run, value


def listed(run: Run) -> dict[str, list[str]]:
    found = value(run("user", "list", "--json"))["users"]
    return {one["user"]: sorted(each["mechanism"] for each in one["mechanisms"]) for one in found}


def test_a_user_is_added_listed_changed_and_removed(run: Run, name: str) -> None:
    run("user", "add", name, "--password-file", "-", stdin="pencil\n")
    assert listed(run)[name] == ["SCRAM-SHA-256", "SCRAM-SHA-512"]
    assert name in run("user", "list").output
    run("user", "password", name, "--password-file", "-", stdin="quill\n")
    run("user", "remove", name)
    assert name not in listed(run)


def test_a_generated_password_is_shown_once(run: Run, name: str) -> None:
    made = value(run("user", "add", name, "--generate", "--mechanism", "SCRAM-SHA-512", "--json"))
    assert len(made["password"]) >= 32
    assert listed(run)[name] == ["SCRAM-SHA-512"]
    run("user", "remove", name)


def test_what_makes_no_sense_is_refused_with_the_next_step(run: Run, name: str) -> None:
    for verb in ("password", "remove"):
        extra = ["--generate"] if verb == "password" else []
        assert "no user" in run("user", verb, name, *extra, code=1).output
    assert "no password" in run("user", "add", name, code=1, stdin="").output
    assert "empty" in run("user", "add", name, "--password-file", "-", code=1, stdin="\n").output
    run("user", "add", name, "--generate")
    assert "exists" in run("user", "add", name, "--generate", code=1).output
    run("user", "remove", name)
