import { describe, expect, it } from 'vitest';
import { nvmeScript } from '../../src/machine/vm-setup.ts';
import { describeOnIsolatedVm } from './fixtures/availability.ts';
import { contents, hashOf } from './fixtures/disk-content.ts';
import type { LocalVmDisk } from '../../src/testing/vm/local-vm.ts';
import { IsolatedVm } from './fixtures/isolated-vm.ts';

const LOCAL = 'Microsoft NVMe Direct Disk';
const LOCAL_V6 = 'Microsoft NVMe Direct Disk v2';
const REMOTE = 'MSFT NVMe Accelerator v1.0';
const script = nvmeScript('/mnt/nvme/warpdrive-cache');
const MOUNTED = 'awk \'$2 == "/mnt/nvme" { print $1, $3 }\' /proc/self/mounts';

describeOnIsolatedVm('the script of the local NVMe disk', () => {
  it('formats and mounts a blank disk, changes nothing the next time, and makes it anew when it is blank again', async () => {
    await using vm = await IsolatedVm.start({ disks: [{ model: LOCAL_V6 }] });
    const [device = ''] = vm.devices;
    const first = await vm.run(script);
    expect(first).toMatchObject({ status: 0, stderr: '' });
    expect(first.stdout).toContain(`formatting ${device}, which is blank`);
    const found = await vm.run(
      `${MOUNTED}; stat -c '%a %U' /mnt/nvme/warpdrive-cache; blkid -p -o value -s LABEL ${device}; cat /etc/fstab`,
    );
    expect(found.stdout).toContain(`${device} ext4\n700 root\nwarpforge-cache\n`);
    expect(found.stdout).toMatch(/^LABEL=warpforge-cache \/mnt\/nvme ext4 noauto,nofail,noatime,discard 0 0$/m);

    await vm.run('echo precious >/mnt/nvme/warpdrive-cache/block');
    const before = await vm.changes();
    const second = await vm.run(script);
    expect(second).toMatchObject({ status: 0, stdout: `    nvme: ${device} is mounted at /mnt/nvme already\n` });
    expect(await vm.changes()).toBe(before);

    // As after a restart: the disk is still ours, and what is on it stays.
    const third = await vm.run(`umount /mnt/nvme\n${script}`);
    expect(third.stdout).toBe(`    nvme: mounted ${device} at /mnt/nvme\n`);
    expect((await vm.run('cat /mnt/nvme/warpdrive-cache/block; grep -c warpforge-cache /etc/fstab')).stdout).toBe('precious\n1\n');

    // As after a deallocation: the disk is blank, and /etc/fstab is not.
    const fourth = await vm.run(`umount /mnt/nvme\nwipefs -q -a ${device}\n${script}`);
    expect(fourth.stdout).toContain('formatting');
    expect((await vm.run(`ls /mnt/nvme/warpdrive-cache; grep -c warpforge-cache /etc/fstab`)).stdout).toBe('1\n');
  });

  it('leaves every disk that carries something as it is, and says what', async () => {
    const disks = Object.values(contents).map((prepare): LocalVmDisk => ({ model: LOCAL_V6, prepare }));
    await using vm = await IsolatedVm.start({ disks });
    const before = vm.images.map(hashOf);
    const { status, stdout } = await vm.run(script);
    expect(status).toBe(0);
    expect(vm.images.map(hashOf)).toEqual(before);
    // Not every kernel looks for partitions on loop devices.
    const reasons = [
      'it carries ext4.',
      'it carries swap.',
      'it (has loop\\dp1 \\(part\\)|carries PMBR, gpt)',
      'it carries dos.',
      'it carries LVM2_member.',
    ];
    for (const [number, reason] of reasons.entries()) {
      expect(stdout).toMatch(new RegExp(`nvme: ${vm.devices[number] ?? ''} stays as it is: ${reason}`));
    }
    expect(stdout).toContain(`If nothing on it is needed, "sudo wipefs --all ${vm.devices[0] ?? ''}" frees it for the cache`);
    expect(stdout).not.toContain('formatting');
    expect(stdout).toMatch(/no local NVMe disk to use: the cache lies on the file system of \/, which has \S+ left/);
    expect((await vm.run(`${MOUNTED}; [ -d /mnt/nvme/warpdrive-cache ] && echo there; grep -c nvme /etc/fstab`)).stdout).toBe('there\n0\n');
  });

  it.each(['wipefs', 'lsblk', 'blkid'])('formats nothing where %s cannot look', async (program) => {
    await using vm = await IsolatedVm.start({ disks: [{ model: LOCAL }] });
    await vm.run(`printf '#!/bin/sh\\nexit 1\\n' >/usr/local/sbin/${program}; chmod 755 /usr/local/sbin/${program}`);
    const before = hashOf(vm.images[0]!);
    const { status, stdout } = await vm.run(script);
    expect({ status, touched: hashOf(vm.images[0]!) !== before }).toEqual({ status: 0, touched: false });
    expect(stdout).toMatch(new RegExp(`stays as it is: .*${program} cannot`));
  });

  it('never touches the disk of the operating system, whatever its model', async () => {
    await using vm = await IsolatedVm.start({ rootOnNvme: true });
    const [device = ''] = vm.devices;
    expect((await vm.run('findmnt -no SOURCE /')).stdout).toBe(`${device}\n`);
    const { status, stdout } = await vm.run(script);
    expect(status).toBe(0);
    expect(stdout).toContain(`nvme: ${device} stays as it is: it holds the operating system`);
    expect((await vm.run(`${MOUNTED}; blkid -p -o value -s LABEL ${device}`)).stdout).toBe('');
  });

  it('takes no other disk: neither remote NVMe disks, nor those in use', async () => {
    await using vm = await IsolatedVm.start({
      disks: [{ model: REMOTE }, { model: 'Virtual Disk' }, { model: LOCAL, prepare: contents.ext4 }],
    });
    await vm.run(`mkdir /data && mount ${vm.devices[2] ?? ''} /data`);
    const before = vm.images.slice(0, 2).map(hashOf);
    const { status, stdout } = await vm.run(script);
    expect(status).toBe(0);
    expect(stdout).toContain(`${vm.devices[2] ?? ''} stays as it is: it is mounted at /data`);
    expect(stdout).toContain('no local NVMe disk to use');
    expect(vm.images.slice(0, 2).map(hashOf)).toEqual(before);
  });

  it('of several disks takes the first blank one, and the same one ever after', async () => {
    const disks = [{ model: LOCAL, prepare: contents.ext4 }, { model: LOCAL }, { model: LOCAL }];
    await using vm = await IsolatedVm.start({ disks });
    const [taken = '', chosen = '', unused = ''] = vm.devices;
    const untouched = vm.images.map(hashOf);
    const { stdout } = await vm.run(script);
    expect(stdout).toContain(`${taken} stays as it is: it carries ext4`);
    expect(stdout).toContain(`formatting ${chosen}`);
    expect(stdout).toContain(`${unused} stays unused: one disk is enough`);
    expect([hashOf(vm.images[0]!), hashOf(vm.images[2]!)]).toEqual([untouched[0], untouched[2]]);
    // Freed and in front of ours, the first disk is not taken in its place.
    const again = await vm.run(`umount /mnt/nvme\nwipefs -q -a ${taken}\n${script}`);
    expect(again.stdout).toBe(`    nvme: mounted ${chosen} at /mnt/nvme\n`);
  });

  it('without a local disk makes the cache on the disk of the operating system', async () => {
    await using vm = await IsolatedVm.start();
    expect((await vm.run(script)).stdout).toMatch(/^ {4}nvme: no local NVMe disk to use: the cache lies on the file system of \//);
    expect((await vm.run('stat -c %a /mnt/nvme/warpdrive-cache')).stdout).toBe('700\n');
  });

  it('leaves local disks alone when the cache is elsewhere', async () => {
    await using vm = await IsolatedVm.start({ disks: [{ model: LOCAL }] });
    const before = hashOf(vm.images[0]!);
    expect((await vm.run(nvmeScript('/var/cache/warpdrive'))).stdout).toContain('the cache, /var/cache/warpdrive, is not under /mnt/nvme');
    expect(hashOf(vm.images[0]!)).toBe(before);
    expect((await vm.run('stat -c %a /var/cache/warpdrive')).stdout).toBe('700\n');
  });

  it('says what to do when a disk of ours is broken, and does not format it by itself', async () => {
    await using vm = await IsolatedVm.start({ disks: [{ model: LOCAL }] });
    const [device = ''] = vm.devices;
    // The label and the signature stay, the rest of the superblock and its copies do not.
    await vm.run(
      `${script}\numount /mnt/nvme\nprintf '\\377\\377\\377\\377' | dd of=${device} bs=1 seek=$((1024 + 24)) conv=notrunc status=none`,
    );
    const { status, stderr } = await vm.run(script);
    expect(status).toBe(1);
    expect(stderr).toMatch(/could not mount .*; look at "dmesg \| tail"\. If the file system is broken, "sudo wipefs --all/);
  });

  it('adds to a file system table that ends without a line break, and keeps an entry that is there', async () => {
    await using vm = await IsolatedVm.start({ disks: [{ model: LOCAL }] });
    await vm.run("printf 'UUID=1 / ext4 defaults 0 1' >/etc/fstab");
    await vm.run(script);
    expect((await vm.run('head -n 2 /etc/fstab')).stdout).toMatch(/^UUID=1 \/ ext4 defaults 0 1\n# Mounted by/);
    await vm.run("umount /mnt/nvme\nprintf 'LABEL=mine /mnt/nvme xfs defaults 0 0\\n' >/etc/fstab");
    await vm.run(script);
    expect((await vm.run('cat /etc/fstab')).stdout).toBe('LABEL=mine /mnt/nvme xfs defaults 0 0\n');
  });
});

describe('nvmeScript', () => {
  it('is text of the shell whatever the path is', () => {
    expect(() => nvmeScript('/mnt/nvme/$(reboot)')).toThrow(/the cache of a VM must be an absolute path/);
  });
});
