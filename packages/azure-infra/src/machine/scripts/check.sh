# What of the setup is there: one line each, with tabs between name, state (ok, missing) and detail. Changes nothing.
#
# Set before this text: MOUNT_POINT, CACHE_PATH, PACKAGES_VERSION, NODE_VERSION.
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

line() { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; }

# A program by its --version: ok where that has $3 in it.
program() {
  if ! command -v "$2" >/dev/null 2>&1; then
    line "$1" missing "$2 is not installed"
    return
  fi
  version=$("$2" --version 2>&1 </dev/null | head -n 1)
  case $version in
    *"$3"*) line "$1" ok "$version" ;;
    *) line "$1" missing "$2 is $version; wanted is $3" ;;
  esac
}

program FUSE fusermount3 ''
if grep -Eqs '^[[:space:]]*user_allow_other[[:space:]]*$' /etc/fuse.conf; then
  line 'FUSE for others' ok 'user_allow_other'
else
  line 'FUSE for others' missing 'user_allow_other is not in /etc/fuse.conf'
fi
program Node /opt/warpforge/current/node_modules/.bin/warpforge-node "v$NODE_VERSION"
program Mount warpdrive "$PACKAGES_VERSION"
program Trainer warpforge-train "$PACKAGES_VERSION"
program Provisioner warpforge-infra "$PACKAGES_VERSION"
program 'Data sets' webdataset "$PACKAGES_VERSION"

if type=$(awk -v where="$MOUNT_POINT" '$2 == where { type = $3 } END { print type; exit type == "" }' /proc/self/mounts); then
  line 'Mount point' ok "$MOUNT_POINT, mounted ($type)"
elif [ -d "$MOUNT_POINT" ]; then
  line 'Mount point' ok "$MOUNT_POINT"
else
  line 'Mount point' missing "there is no $MOUNT_POINT"
fi
if [ -d "$CACHE_PATH" ]; then
  line Cache ok "$CACHE_PATH on $(df --output=source "$CACHE_PATH" | tail -n 1), $(df -h --output=avail "$CACHE_PATH" | tail -n 1 | tr -d ' ') free"
else
  line Cache missing "there is no $CACHE_PATH"
fi

for unit in warpforge-nvme warpdrive; do
  if ! systemctl is-enabled --quiet "$unit.service" 2>/dev/null; then
    line "$unit.service" missing 'not enabled'
  elif [ "$unit" = warpforge-nvme ]; then
    line "$unit.service" ok 'enabled, runs at every boot'
  elif [ ! -d /run/systemd/system ]; then
    line "$unit.service" ok 'enabled'
  elif [ "$unit" = warpdrive ] && [ ! -f /etc/warpdrive/config.yaml ]; then
    line "$unit.service" ok 'enabled; waits for /etc/warpdrive/config.yaml'
  else
    line "$unit.service" ok "enabled, $(systemctl is-active "$unit.service")"
  fi
done
