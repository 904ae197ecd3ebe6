# Inside the machine: the user $1, as Azure makes one, and stand-ins for what would download or cannot run twice.
set -eu
user=$1
echo "$user:x:7777:7777::/home/$user:/bin/bash" >>/etc/passwd
echo "$user:*:19000:0:99999:7:::" >>/etc/shadow
# Root too, in a home without the profile of the machine underneath.
sed -i 's|^root:.*|root:x:0:0:root:/vm/root:/bin/sh|' /etc/passwd
for home in "/home/$user" /vm/root; do
  mkdir -p "$home/.ssh"
  cp /vm/config/authorized_keys "$home/.ssh/"
done
chown -R 7777:7777 "/home/$user"

mkdir -p /etc/sudoers.d
{
  echo "$user ALL=(ALL) NOPASSWD: ALL"
  echo 'Defaults env_keep += "WARPFORGE_SYSFS IDENTITY_ENDPOINT IDENTITY_HEADER NODE_EXTRA_CA_CERTS"'
} >"/etc/sudoers.d/$user"
chmod 440 "/etc/sudoers.d/$user"

# What the setup of a VM installs is not there.
rm -f /usr/bin/fusermount3 /bin/fusermount3 /usr/bin/npm /usr/local/bin/npm /usr/bin/cloud-init /etc/fuse.conf
mkdir -p /usr/local/bin /vm/log /vm/services
for program in apt-get systemctl journalctl; do
  cp "/vm/config/$program" "/usr/local/bin/$program"
  chmod 755 "/usr/local/bin/$program"
done

# The managed identity: of the daemon's unit, and by sshd_config of whoever logs in.
if [ -f /vm/config/environment ]; then
  mkdir -p /etc/warpdrive
  cp /vm/config/environment /etc/warpdrive/environment
  chmod 600 /etc/warpdrive/environment
  cp /vm/config/azure.pem /vm/azure.pem
  chmod 644 /vm/azure.pem
fi
