# Puts the cache on the local NVMe disk of an Azure VM. Runs at setup and at every boot, because Azure hands out an empty disk whenever
# the VM was deallocated. A disk is formatted only while it is blank and unused; everything else on it stays as it is.
#
# Set before this text: NVME_MOUNT, NVME_LABEL, CACHE_PATH.
# Local disks are known by their model, never by their names, which change from boot to boot:
# "Microsoft NVMe Direct Disk" and "Microsoft NVMe Direct Disk v2"; "MSFT NVMe Accelerator v1.0" are remote disks, the operating
# system's among them (https://learn.microsoft.com/azure/virtual-machines/enable-nvme-temp-faqs).
set -eu
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
SYSFS=${WARPFORGE_SYSFS:-/sys}

say() { printf '    nvme: %s\n' "$*"; }

fail() {
  printf 'nvme: %s\n' "$*" >&2
  exit 1
}

# What is mounted at $1; nothing where it is no mount point.
source_of() { awk -v where="$1" '$2 == where { source = $1 } END { if (source != "") print source }' /proc/self/mounts; }

make_cache_folder() {
  # As the daemon would make it: only its owner reads the cache.
  [ -d "$CACHE_PATH" ] || install -d -m 0700 "$CACHE_PATH"
}

# By hand and for people: the mounting at boot is done by this script, which is why the entry says noauto.
add_to_fstab() {
  [ -f /etc/fstab ] || : >/etc/fstab
  if awk -v where="$NVME_MOUNT" '$1 !~ /^#/ && $2 == where { found = 1 } END { exit !found }' /etc/fstab; then return 0; fi
  {
    cat /etc/fstab
    [ -z "$(tail -c 1 /etc/fstab)" ] || printf '\n'
    printf '# Mounted by warpforge-nvme.service, which makes it anew when Azure has emptied the disk.\n'
    printf 'LABEL=%s %s ext4 noauto,nofail,noatime,discard 0 0\n' "$NVME_LABEL" "$NVME_MOUNT"
  } >/etc/fstab.warpforge
  mv /etc/fstab.warpforge /etc/fstab
  say "added $NVME_MOUNT to /etc/fstab"
}

# Names of the disks that have the model of a local NVMe disk.
local_nvme_disks() {
  for folder in "$SYSFS"/block/*; do
    [ -r "$folder/device/model" ] || continue
    case $(cat "$folder/device/model") in
      'Microsoft NVMe Direct Disk'*) printf '%s\n' "${folder##*/}" ;;
    esac
  done
}

# Names of the disks and partitions under the root file system.
root_devices() {
  root=$(findmnt --noheadings --nofsroot --output SOURCE --mountpoint /) || return 0
  [ -b "$root" ] || return 0
  lsblk --noheadings --raw --inverse --output NAME "$root"
}

# Why the disk $1 is in use by something else; nothing where it is not.
use_of() {
  if root_devices | grep -qxF "$1"; then
    echo 'it holds the operating system'
    return 0
  fi
  listed=$(lsblk --noheadings --raw --output NAME,TYPE,MOUNTPOINTS "/dev/$1") || {
    echo 'lsblk cannot read it'
    return 0
  }
  # The first line is the disk itself; a line has a third column where something is mounted, which swap space is to lsblk.
  mounts=$(printf '%s\n' "$listed" | awk '$3 != "" { printf "%s%s", separator, $3; separator = ", " }')
  parts=$(printf '%s\n' "$listed" | awk 'NR > 1 { printf "%s%s (%s)", separator, $1, $2; separator = ", " }')
  if [ -n "$mounts" ]; then
    echo "it is mounted at $mounts"
  elif awk -v disk="/dev/$1" '$1 == disk { found = 1 } END { exit !found }' /proc/swaps; then
    echo 'it is swap space'
  elif [ -n "$parts" ]; then
    echo "it has $parts"
  fi
}

# What the disk $1 carries; nothing where it is blank. Two programs look, and when in doubt there is something.
content_of() {
  signatures=$(wipefs --noheadings --output TYPE "/dev/$1") || {
    echo 'something that wipefs cannot read'
    return 0
  }
  if [ -n "$signatures" ]; then
    printf '%s\n' "$signatures" | sort -u | awk '{ printf "%s%s", separator, $1; separator = ", " }'
    return 0
  fi
  # 2 means that nothing was found; 8, for instance, that two things were.
  probe=0
  blkid --probe "/dev/$1" >/dev/null 2>&1 || probe=$?
  [ "$probe" -eq 2 ] || echo "something that blkid cannot tell (exit $probe)"
}

is_ours() {
  [ "$(blkid --probe --match-tag LABEL --output value "/dev/$1" 2>/dev/null)" = "$NVME_LABEL" ] &&
    [ "$(blkid --probe --match-tag TYPE --output value "/dev/$1" 2>/dev/null)" = ext4 ]
}

# The disk to mount: the one that was made here before, otherwise the first blank one, formatted. Its name goes to $chosen.
choose_disk() {
  chosen=''
  names=$(local_nvme_disks)
  for name in $names; do
    [ -b "/dev/$name" ] || continue
    if is_ours "$name" && [ -z "$(use_of "$name")" ]; then
      chosen=$name
      return 0
    fi
  done
  for name in $names; do
    [ -b "/dev/$name" ] || continue
    use=$(use_of "$name")
    content=$(content_of "$name")
    if [ -n "$use" ]; then
      say "/dev/$name stays as it is: $use"
    elif [ -n "$content" ]; then
      say "/dev/$name stays as it is: it carries $content. If nothing on it is needed, \"sudo wipefs --all /dev/$name\" frees it for the cache"
    elif [ -n "$chosen" ]; then
      say "/dev/$name stays unused: one disk is enough"
    else
      say "formatting /dev/$name, which is blank"
      # Without reserved blocks: nothing but the cache lies there. mkfs.ext4 itself refuses a disk that something holds open for its own.
      mkfs.ext4 -q -m 0 -L "$NVME_LABEL" "/dev/$name" </dev/null || fail "mkfs.ext4 could not format /dev/$name"
      chosen=$name
    fi
  done
}

case $CACHE_PATH in
  "$NVME_MOUNT"/*) ;;
  *)
    make_cache_folder
    say "local disks stay as they are: the cache, $CACHE_PATH, is not under $NVME_MOUNT"
    exit 0
    ;;
esac

mounted=$(source_of "$NVME_MOUNT")
if [ -n "$mounted" ]; then
  make_cache_folder
  say "$mounted is mounted at $NVME_MOUNT already"
  exit 0
fi

# Early in the boot not every disk has been found yet.
if command -v udevadm >/dev/null 2>&1; then udevadm settle --timeout=30 || true; fi

choose_disk
if [ -z "$chosen" ]; then
  make_cache_folder
  say "no local NVMe disk to use: the cache lies on the file system of $(df --output=target "$CACHE_PATH" | tail -n 1), which has $(df -h --output=avail "$CACHE_PATH" | tail -n 1 | tr -d ' ') left"
  exit 0
fi
mkdir -p "$NVME_MOUNT"
mount -t ext4 -o noatime,discard "/dev/$chosen" "$NVME_MOUNT" ||
  fail "could not mount /dev/$chosen; look at \"dmesg | tail\". If the file system is broken, \"sudo wipefs --all /dev/$chosen\" lets the next boot make it anew"
say "mounted /dev/$chosen at $NVME_MOUNT"
add_to_fstab
make_cache_folder
