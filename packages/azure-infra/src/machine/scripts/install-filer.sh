# Makes this machine a file server that exports /data over NFS, read-only, to the networks in CLIENTS.
#
# Set before this text: CLIENTS (networks in CIDR notation, separated by blanks), and what the texts before it need.

begin
step 'Proxies'
configure_proxies
step 'Debian packages'
install_debian_packages
step 'Export'
mkdir -p /data
for network in $CLIENTS; do printf '/data %s(ro,async,no_subtree_check,no_root_squash)\n' "$network"; done | put /etc/exports.d/warpforge.exports 644
if [ -d /run/systemd/system ]; then
  systemctl enable --now --quiet nfs-server.service
  exportfs -ra || fail 'exportfs refuses /etc/exports.d/warpforge.exports'
fi
step 'Ready'
echo filer | put "$STATE/ready" 644
