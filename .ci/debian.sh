# What the installers of this folder share; sourced, not run. The installer has set NAME, its name in messages.
#
# Packages are added with apt; none is removed, no service is started, nothing that is installed already is changed.
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

say() { printf '%s: %s\n' "$NAME" "$*" >&2; }
die() { say "$*"; exit 1; }

updated=no
refresh_lists() {
  [ "$updated" = no ] || return 0
  apt-get update -qq
  updated=yes
}

# apt-get install that removes nothing and starts nothing. A failure is tried once more with fresh package lists.
install_packages() {
  local options=(-y -qq --no-install-recommends --no-remove)
  apt-get install "${options[@]}" "$@" </dev/null >"$scratch/apt.log" 2>&1 && return 0
  refresh_lists
  apt-get install "${options[@]}" "$@" </dev/null >"$scratch/apt.log" 2>&1 && return 0
  cat "$scratch/apt.log" >&2
  die "apt-get could not install: $*"
}

# Package scripts ask this program before they start a service (101: don't).
forbid_services() {
  [ ! -e /usr/sbin/policy-rc.d ] || return 0
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  made_policy=yes
}

cleanup() {
  rm -rf "$scratch"
  [ "$made_policy" = no ] || rm -f /usr/sbin/policy-rc.d
}

# begin WHY WHAT: root and apt-get are needed; `scratch` is a folder that goes at the end.
begin() {
  [ "$(id -u)" = 0 ] || die "run it as root: $1"
  command -v apt-get >/dev/null || die "there is no apt-get here: install $2 by hand"
  scratch=$(mktemp -d)
  made_policy=no
  trap cleanup EXIT
  forbid_services
}
