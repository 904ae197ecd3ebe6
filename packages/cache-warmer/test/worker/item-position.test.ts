import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WorkMessage } from '../../src/manifest/work-message.ts';
import { advance, dropPartial, nextAttempt, remainingFiles, skipFailed, totalOf } from '../../src/worker/item-position.ts';

const fresh: WorkMessage = {
  v: 1,
  job: 'j',
  walk: 'w',
  page: 0,
  etag: '"1"',
  item: 0,
  failures: 0,
  done: 0,
  offset: 0,
  failed: [],
  read: [],
};

describe('the position of an item', () => {
  it('counts every byte once, however often it is interrupted, retried and attempted', () => {
    const step = fc.record({
      files: fc.nat(4),
      fraction: fc.double({ min: 0, max: 0.99, noNaN: true }),
      address: fc.nat(2),
      then: fc.constantFrom('stop', 'fail', 'attempt', 'other address'),
    });
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 8 }), fc.array(step, { maxLength: 30 }), (sizes, steps) => {
        let message = fresh;
        /** Address of each file that was read whole. */
        const readThrough = new Map<number, number>();
        const read = (files: number, fraction: number, address: number): void => {
          const left = remainingFiles(message, sizes.length);
          if (message.through !== address) message = dropPartial(message);
          const before = message.offset;
          const task = left.map((index, turn) => ({ address, before: turn === 0 ? before : 0, length: sizes[index]!, files: 1 as const }));
          const whole = Math.min(files, left.length);
          for (const index of left.slice(0, whole)) readThrough.set(index, address);
          const next = task[whole];
          message = advance(message, task, {
            file: whole,
            offset: next === undefined ? 0 : Math.floor((next.length - next.before) * fraction),
          });
        };
        for (const { files, fraction, address, then } of steps) {
          read(files, fraction, address);
          if (then === 'attempt') message = nextAttempt(message, sizes.length);
          else if (then === 'other address') message = dropPartial(message);
          else if (then === 'fail' && remainingFiles(message, sizes.length).length > 0) message = skipFailed(message, sizes.length);
          const partial = message.offset;
          expect(totalOf(message.read)).toEqual({
            files: readThrough.size,
            bytes: [...readThrough.keys()].reduce((sum, index) => sum + sizes[index]!, partial),
          });
          expect(new Set([...readThrough.keys(), ...message.failed, ...remainingFiles(message, sizes.length)]).size).toBe(sizes.length);
        }
        message = nextAttempt(message, sizes.length);
        read(sizes.length, 0, 1);
        expect(totalOf(message.read)).toEqual({ files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) });
        for (const address of [0, 1, 2]) {
          const files = [...readThrough].filter(([, through]) => through === address);
          expect(message.read[address] ?? { files: 0, bytes: 0 }).toEqual({
            files: files.length,
            bytes: files.reduce((sum, [index]) => sum + sizes[index]!, 0),
          });
        }
      }),
    );
  });

  it('stays as it was after an attempt in which the files were not known', () => {
    const message = { ...fresh, done: 3, offset: 5, through: 0, read: [{ files: 3, bytes: 35 }] };
    expect(nextAttempt(message, undefined)).toEqual({ ...message, failures: 1 });
  });
});
