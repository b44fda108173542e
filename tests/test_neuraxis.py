"""The package itself: its few names, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import neuraxis


def test_importing_the_package_imports_none_of_its_parts() -> None:
    program = "import sys, neuraxis; print([name for name in sys.modules if name.startswith(('neuraxis.', 'conf'))])"
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout == "[]\n"


@pytest.mark.parametrize("name", neuraxis.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(neuraxis, name).__name__ == name
    assert name in dir(neuraxis)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Brokerr"):
        neuraxis.Brokerr  # noqa: B018  # the look-up is what is tested
