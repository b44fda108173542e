#!/usr/bin/env bash
# Makes .venv from the newest Python that runs, and installs the package with its development tools.
# Does nothing when pyproject.toml has not changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/.."

ready=.venv/ready
key=$(cat pyproject.toml tools/setup.sh | cksum)
say() { printf '%s\n' "$*" >&2; }

# A launcher on the PATH may exist and still not run (version managers leave such stubs): the test is to run it.
usable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  local name path
  for name in python3.13 python3.12 python3.11 python3; do
    while read -r path; do
      if usable "$path"; then
        printf '%s\n' "$path"
        return
      fi
    done < <(type -ap "$name" || true)
  done
  return 1
}

if ! usable .venv/bin/python; then
  rm -rf .venv
  if ! python=$(find_python); then
    say "setup: no Python 3.11 or newer runs on this machine. Install one (Debian, Ubuntu: apt-get install"
    say "       python3 python3-venv), then run the command again."
    exit 1
  fi
  if ! "$python" -c 'import ensurepip' >/dev/null 2>&1; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    tools/system.sh "python$version-venv"
  fi
  say "setup: making .venv with $("$python" --version) ($python)"
  "$python" -m venv .venv
fi

if [ "$(cat $ready 2>/dev/null || true)" != "$key" ]; then
  say "setup: installing neuraxis and its development tools into .venv"
  export PIP_DISABLE_PIP_VERSION_CHECK=1
  # Dependency groups need pip 25.1.
  .venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
  .venv/bin/python -m pip install --quiet --editable . --group dev
  # An installed package has its byte code; an editable one gets it here, also where PYTHONDONTWRITEBYTECODE is set.
  .venv/bin/python -m compileall -q src
fi
printf '%s\n' "$key" >$ready
