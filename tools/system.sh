#!/usr/bin/env bash
# Installs the named Debian packages if this user may, or says what to do: tools/system.sh kcat
set -euo pipefail
say() { printf '%s\n' "$*" >&2; }

as_root=()
if [ "$(id -u)" != 0 ]; then
  as_root=(sudo -n)
fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
  say "setup: this target needs: $*"
  say "       Install it with your package manager (Debian, Ubuntu: sudo apt-get install $*), then run the command again."
  exit 1
fi

say "setup: installing $* with apt-get"
export DEBIAN_FRONTEND=noninteractive
install=("${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@")
# The package lists may be missing or old: fetch them only if the first try fails.
if ! "${install[@]}" >/dev/null 2>&1; then
  "${as_root[@]}" apt-get update -qq >/dev/null
  "${install[@]}" >/dev/null
fi
