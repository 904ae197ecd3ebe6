# Installs Debian packages whose commands are missing.
#
# Set before this text: DEBIAN_PACKAGES, pairs of a command and the package that has it.

install_debian_packages() {
  missing=''
  for pair in $DEBIAN_PACKAGES; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
  done
  if [ -z "$missing" ]; then
    note 'all there'
    return 0
  fi
  note "installing$missing"
  # An installation that was interrupted is ended first.
  dpkg --configure -a </dev/null
  apt_get update || fail 'apt-get update failed: check that this machine reaches its package mirror, then run the setup again'
  # shellcheck disable=SC2086 # The list is of words without blanks.
  apt_get install --no-install-recommends $missing || fail "apt-get could not install$missing: the lines above say why"
}
