# Makes this machine a manager or a worker of the CacheWarmer. Runs as root on Ubuntu 24.04, by cloud-init or over SSH; what is there
# already stays, but the service is started anew.
#
# Set before this text: SERVICE (the unit), the functions environment_lines and write_files, and what the texts before it need.
ENVIRONMENT=/etc/warpforge/cachewarmer.env

write_environment() {
  # Which of the machine's identities the service has; elsewhere than in Azure it signs in by other variables.
  client=''
  if [ -n "$IDENTITY_ID" ]; then
    answer=$(token_answer) || fail "the metadata service does not know the identity $IDENTITY_ID: assign it to this machine"
    client=$(printf '%s' "$answer" | json_text client_id)
  fi
  {
    environment_lines
    [ -z "$client" ] || printf 'AZURE_CLIENT_ID=%s\n' "$client"
  } | put "$ENVIRONMENT" 644
}

install_service() {
  unit=$PROGRAMS/current/node_modules/@warpforge/infra/systemd/$SERVICE.service
  [ -f "$unit" ] || fail "@warpforge/infra has no $SERVICE.service: its version is too old"
  put "/etc/systemd/system/$SERVICE.service" 644 <"$unit"
  if [ ! -d /run/systemd/system ]; then
    systemctl enable --quiet "$SERVICE.service"
    note 'not started: systemd does not run here'
    return 0
  fi
  systemctl daemon-reload
  systemctl enable --quiet "$SERVICE.service"
  systemctl restart "$SERVICE.service" || fail "the service did not start: \"journalctl -u $SERVICE -n 50\" says why"
  note 'started'
}

begin
step 'Proxies'
configure_proxies
step 'Debian packages'
install_debian_packages
case $PACKAGES in
  https://*)
    step 'Packages'
    fetch_packages
    ;;
esac
step "Node $NODE_VERSION and the programs"
install_programs
step 'Command and environment'
write_files
write_environment
step "Service $SERVICE"
install_service
step 'Ready'
echo "$RELEASE" | put "$STATE/ready" 644
