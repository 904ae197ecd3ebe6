import { describe, expect, it } from 'vitest';
import { isFuse, parseMountInfo } from '../src/session/mount-table.ts';

describe('parseMountInfo', () => {
  it('reads lines with any number of optional fields', () => {
    const text = [
      '22 1 253:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw',
      '36 22 0:33 / /wd rw,nosuid - fuse.warpdrive warpdrive rw,user_id=0',
      '',
    ].join('\n');
    expect(parseMountInfo(text)).toEqual([
      { device: '253:0', mountPoint: '/', type: 'ext4', source: '/dev/vda' },
      { device: '0:33', mountPoint: '/wd', type: 'fuse.warpdrive', source: 'warpdrive' },
    ]);
  });

  it('reads blanks and backslashes in paths', () => {
    const [mount] = parseMountInfo(String.raw`36 22 0:33 / /a\040b\134c rw - fuse none rw`);
    expect(mount?.mountPoint).toBe(String.raw`/a b\c`);
  });

  it('skips lines that it does not understand', () => {
    expect(parseMountInfo('garbage\n1 2 3\n')).toEqual([]);
  });

  it('tells FUSE from its control file system', () => {
    const types = ['fuse', 'fuse.warpdrive', 'fuseblk', 'fusectl', 'ext4'];
    expect(types.filter((type) => isFuse({ type, device: '', mountPoint: '', source: '' }))).toEqual(['fuse', 'fuse.warpdrive', 'fuseblk']);
  });
});
