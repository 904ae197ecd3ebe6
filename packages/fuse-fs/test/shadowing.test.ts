import type { BlobProperties } from '@warpforge/blob-backend';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Shadowing } from '../src/blob-fs/shadowing.ts';

function blobNamed(path: string): BlobProperties {
  return { path, size: 1, etag: 'e', lastModifiedMs: 0 };
}

/** Runs blobs and directories through in the order in which a store lists them. */
function shown(blobs: Iterable<string>, directories: Iterable<string>): { entries: string[]; hidden: string[] } {
  const hidden: string[] = [];
  const shadowing = new Shadowing(({ path }) => hidden.push(path));
  const keys = [...blobs, ...[...directories].map((name) => `${name}/`)].sort();
  const entries = keys.flatMap((key) =>
    shadowing.add(key.endsWith('/') ? { name: key.slice(0, -1), blob: undefined } : { name: key, blob: blobNamed(key) }),
  );
  entries.push(...shadowing.end());
  return { entries: entries.map(({ name, blob }) => (blob === undefined ? `${name}/` : name)), hidden };
}

describe('Shadowing', () => {
  it('shows a name once: as a directory if there is one, else as a file', () => {
    const name = fc.string({ unit: fc.constantFrom('a', '-', '.', 'b', '~', 'ä'), minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.uniqueArray(name), fc.uniqueArray(name), (blobs, directories) => {
        const { entries, hidden } = shown(blobs, directories);
        const visible = blobs.filter((blob) => !directories.includes(blob));
        expect(entries.sort()).toEqual([...visible, ...directories.map((directory) => `${directory}/`)].sort());
        expect(hidden.sort()).toEqual(blobs.filter((blob) => directories.includes(blob)).sort());
      }),
      { numRuns: 1000 },
    );
  });

  it('holds back no more than a chain of names that begin alike', () => {
    const shadowing = new Shadowing(() => undefined);
    const passed = Array.from({ length: 1000 }, (_, index) => String(index).padStart(4, '0')).map(
      (name) => shadowing.add({ name, blob: blobNamed(name) }).length,
    );
    expect(passed).toEqual([0, ...Array.from({ length: 999 }, () => 1)]);
  });
});
