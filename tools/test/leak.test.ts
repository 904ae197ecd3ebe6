import { describe, expect, it } from 'vitest';
import { runLeakSuite } from '../stress/leak/suite.ts';

describe('a loader', () => {
  it('holds no more memory, files and threads after many epochs, however they end, and nothing when it is closed', async () => {
    const { faults, before, closed } = await runLeakSuite(100);
    expect(faults).toEqual([]);
    expect(closed.threads).toBeLessThan(before.threads);
    expect(closed.descriptors).toBeLessThanOrEqual(before.descriptors);
  });
});
