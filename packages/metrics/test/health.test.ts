import { describe, expect, it } from 'vitest';
import { HealthChecks } from '../src/index.ts';

describe('HealthChecks', () => {
  it('is ok when all checks pass, and when there are none', async () => {
    expect(await new HealthChecks().run()).toEqual({ status: 'ok', checks: {} });
    const checks = new HealthChecks();
    checks.add('cache', () => undefined);
    checks.add('mount', () => Promise.resolve());
    expect(await checks.run()).toEqual({ status: 'ok', checks: { cache: { status: 'ok' }, mount: { status: 'ok' } } });
  });

  it('is degraded when one fails, and says why', async () => {
    const checks = new HealthChecks();
    checks.add('cache', () => undefined);
    checks.add('disk', () => Promise.reject(new Error('read-only file system')));
    checks.add('sync', () => {
      throw new Error('broken');
    });
    expect(await checks.run()).toEqual({
      status: 'degraded',
      checks: {
        cache: { status: 'ok' },
        disk: { status: 'failed', message: 'read-only file system' },
        sync: { status: 'failed', message: 'broken' },
      },
    });
  });

  it('fails a check that does not answer in time, aborts it, and starts no second one beside it', async () => {
    const checks = new HealthChecks();
    let starts = 0;
    let aborted = false;
    checks.add(
      'hangs',
      (signal) => {
        starts++;
        signal.addEventListener('abort', () => (aborted = true));
        // Ignores its signal, as a child process in an uninterruptible wait does.
        return new Promise(() => undefined);
      },
      { timeoutMs: 5 },
    );
    const hung = { status: 'degraded', checks: { hangs: { status: 'failed', message: 'no answer within 5 ms' } } };
    expect(await checks.run()).toEqual(hung);
    expect(await checks.run()).toEqual(hung);
    expect(starts).toBe(1);
    expect(aborted).toBe(true);
  });

  it('shares one run among those who ask at the same time, and runs again afterwards', async () => {
    const checks = new HealthChecks();
    let starts = 0;
    const gates: (() => void)[] = [];
    checks.add('slow', () => {
      starts++;
      return new Promise((resolve) => gates.push(resolve));
    });
    const both = Promise.all([checks.run(), checks.run()]);
    gates[0]!();
    expect((await both).map((report) => report.status)).toEqual(['ok', 'ok']);
    expect(starts).toBe(1);
    const again = checks.run();
    gates[1]!();
    await again;
    expect(starts).toBe(2);
  });

  it('refuses two checks of one name', () => {
    const checks = new HealthChecks();
    checks.add('cache', () => undefined);
    expect(() => checks.add('cache', () => undefined)).toThrow(/"cache" exists already/);
  });
});
