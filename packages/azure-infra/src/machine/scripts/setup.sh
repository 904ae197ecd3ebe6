# Makes a VM ready to mount and to train. Runs as root on Ubuntu 24.04, by cloud-init or over SSH; what is there already stays.
#
# Set before this text: MOUNT_POINT, the function write_files, and what the texts before it need.
CONFIG=/etc/warpdrive/config.yaml

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

begin
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
