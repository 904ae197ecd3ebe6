# What every script that installs something begins with. Runs as root on Ubuntu 24.04; what is there already stays.
set -eu
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
STATE=/var/lib/warpforge
current_step='the start'

step() {
  current_step=$1
  printf '==> %s\n' "$*"
}
note() { printf '    %s\n' "$*"; }
# The last line on standard error is always the reason.
fail() {
  printf 'warpforge setup: "%s" failed: %s\n' "$current_step" "$*" >&2
  trap - EXIT
  exit 1
}
on_exit() {
  status=$?
  [ "$status" -eq 0 ] || printf 'warpforge setup: "%s" failed (exit %s): the lines above say why; after repairing that, run the setup again\n' "$current_step" "$status" >&2
}
trap on_exit EXIT

# Writes its standard input to the file $1 with the mode $2 where that is not what the file is.
put() {
  mkdir -p "${1%/*}"
  cat >"$1.new"
  if cmp -s "$1.new" "$1" && [ "$(stat -c %a "$1")" = "$2" ]; then
    rm "$1.new"
    return 0
  fi
  chmod "$2" "$1.new"
  mv "$1.new" "$1"
  note "wrote $1"
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@" </dev/null
}

# Only one of them runs at a time.
begin() {
  [ "$(id -u)" -eq 0 ] || fail 'must run as root: put sudo before it'
  command -v apt-get >/dev/null 2>&1 || fail 'needs Ubuntu 24.04 or another system with apt-get'
  exec 9>/run/lock/warpforge-setup.lock
  flock -w 900 9 || fail 'another setup has been running for 15 minutes: wait for it, or end it'
}
