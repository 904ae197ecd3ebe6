import { channel } from 'node:diagnostics_channel';
import pino from 'pino';
import { BlobError } from '@warpforge/blob-backend';
import { describe, expect, it } from 'vitest';
import { BackendMonitor } from '../src/observe/backend-monitor.ts';
import type { Events } from '../src/observe/channels.ts';
import { logEvents } from '../src/observe/event-log.ts';
import { DaemonMetrics } from '../src/observe/metrics.ts';
import { Resources } from '../src/resources.ts';

function publish<Name extends keyof Events>(name: Name, event: Events[Name]): void {
  channel(name).publish(event);
}

/** The log lines that events lead to. */
function logged(happen: () => void, now?: () => number): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const subscription = logEvents(pino({ base: null, formatters: { level: (level) => ({ level }) } }, { write }), now);
  try {
    happen();
  } finally {
    subscription[Symbol.dispose]();
  }
  return lines;
}

const DENIED = new BlobError('BLOB_ACCESS_DENIED', 'denied', 'cac', 'access denied (403): check the role assignment', {
  cause: new Error('AuthorizationFailure'),
});
const NOT_FOUND = new BlobError('BLOB_NOT_FOUND', 'not_found', 'cac', 'no such blob');

describe('the log of events', () => {
  it('names backend, path, cause and what to check when a reader fails', () => {
    const lines = logged(() => {
      publish('warpforge:fuse-fs:read-error', { backend: 'cac', path: 'train/a.tar', error: DENIED, errno: 'EACCES' });
    });
    expect(lines).toMatchObject([
      {
        level: 'error',
        backend: 'cac',
        path: 'train/a.tar',
        errno: 'EACCES',
        kind: 'denied',
        msg: 'a reader got EACCES: cac: access denied (403): check the role assignment: AuthorizationFailure',
      },
    ]);
  });

  it('warns when an older answer serves', () => {
    const [line] = logged(() => publish('warpforge:fuse-fs:read-error', { backend: 'cac', path: 'a', error: DENIED }));
    expect(line?.['level']).toBe('warn');
    expect(line?.['msg']).toContain('the last known version serves');
  });

  it('writes one line of a kind in a while, with the number of those held back', () => {
    let now = 0;
    const fail = (backend: string, path: string): void =>
      publish('warpforge:fuse-fs:read-error', { backend, path, error: DENIED, errno: 'EACCES' });
    const lines = logged(
      () => {
        for (let index = 0; index < 1_000; index++) fail('cac', `f${index}`);
        fail('other', 'x');
        now = 10_000;
        fail('cac', 'later');
      },
      () => now,
    );
    expect(lines.map(({ backend, path, more }) => [backend, path, more])).toEqual([
      ['cac', 'f0', undefined],
      ['other', 'x', undefined],
      ['cac', 'later', 999],
    ]);
  });

  it('tells faults of the mount, damage and a disk that fails; and nothing any more once disposed', () => {
    const lines = logged(() => {
      publish('warpforge:fuse-fs:fault', { kind: 'protocol', error: new Error('short request') });
      publish('warpforge:block-cache:corruption', { backend: 'cac', path: 'a', etag: 'e', kind: 'chunk', offset: 0 });
      publish('warpforge:block-cache:degraded', { directory: '/c', operation: 'full', message: 'the disk is full' });
    });
    publish('warpforge:block-cache:degraded', { directory: '/c', operation: 'write', message: 'unheard' });
    expect(lines.map(({ level }) => level)).toEqual(['error', 'warn', 'warn']);
  });
});

describe('BackendMonitor', () => {
  it('is well as long as the backend answers, also that there is no such blob', () => {
    using monitor = new BackendMonitor(['cac', 'wus'], () => new Date(0));
    publish('warpforge:blob-backend:request', { backend: 'cac', operation: 'stat', durationMs: 1, bytes: 0, error: NOT_FOUND });
    publish('warpforge:blob-backend:bytes', { backend: 'cac', bytes: 10 });
    monitor.check();
    expect([...monitor.records]).toEqual([
      ['cac', { requests: 1, errors: 0, bytesRead: 10, lastAnswer: { at: '1970-01-01T00:00:00.000Z' } }],
      ['wus', { requests: 0, errors: 0, bytesRead: 0 }],
    ]);
  });

  it('fails its check while the last answer was a failure', () => {
    using monitor = new BackendMonitor(['cac'], () => new Date(0));
    publish('warpforge:blob-backend:request', { backend: 'cac', operation: 'list', durationMs: 1, bytes: 0, error: DENIED });
    expect(() => monitor.check()).toThrow('cac: access denied (403): check the role assignment (at 1970-01-01T00:00:00.000Z)');
    publish('warpforge:blob-backend:request', { backend: 'cac', operation: 'list', durationMs: 1, bytes: 0 });
    monitor.check();
    expect(monitor.records.get('cac')).toMatchObject({ requests: 2, errors: 1 });
  });
});

describe('DaemonMetrics', () => {
  /** Series with labels, without those of the process and without the buckets. */
  async function series(metrics: DaemonMetrics): Promise<string[]> {
    const lines = (await metrics.registry.expose()).split('\n');
    return lines.filter((line) => /^warpdrive_\w+\{/.test(line) && !line.includes('_bucket{'));
  }

  it('has no series with labels before something moves it', async () => {
    using metrics = new DaemonMetrics({ cache: () => undefined, fuse: () => undefined });
    expect(await series(metrics)).toEqual([]);
  });

  it('moves by the events of the libraries', async () => {
    using metrics = new DaemonMetrics({ cache: () => undefined, fuse: () => ({ operations: { lookup: 2, read: 3 }, threadReads: 4 }) });
    publish('warpforge:blob-backend:request', { backend: 'cac', operation: 'read', durationMs: 250, bytes: 5, error: DENIED });
    publish('warpforge:blob-backend:bytes', { backend: 'cac', bytes: 5 });
    publish('warpforge:blob-backend:token', { backend: 'cac', method: 'managed_identity', durationMs: 1, ok: true });
    publish('warpforge:fuse-fs:operation', { operation: 'lookup', durationMs: 2 });
    publish('warpforge:fuse-fs:passthrough-open', { bytes: 100 });
    publish('warpforge:fuse-fs:read-error', { backend: 'cac', path: 'a', error: DENIED, errno: 'EACCES' });
    publish('warpforge:fuse-fs:read-error', { backend: 'cac', path: 'a', error: DENIED });
    metrics.observeWarm({ type: 'backend', backend: 'cac', files: 3, complete: 2, bytes: 30, fetchedBytes: 20, elapsedMs: 1 });
    metrics.observeWarm({ type: 'failed', backend: 'cac', path: 'a', message: 'no' });
    expect((await series(metrics)).sort()).toEqual(
      [
        'warpdrive_auth_refresh_total{provider="managed_identity",status="success"} 1',
        'warpdrive_backend_bytes_read_total{backend="cac"} 5',
        'warpdrive_backend_errors_total{backend="cac",kind="denied"} 1',
        'warpdrive_backend_request_duration_seconds_count{backend="cac",operation="read"} 1',
        'warpdrive_backend_request_duration_seconds_sum{backend="cac",operation="read"} 0.25',
        'warpdrive_fuse_operation_duration_seconds_count{operation="lookup"} 1',
        'warpdrive_fuse_operation_duration_seconds_sum{operation="lookup"} 0.002',
        'warpdrive_fuse_operations_total{operation="lookup"} 2',
        'warpdrive_fuse_operations_total{operation="read"} 7',
        'warpdrive_read_errors_total{backend="cac",errno="EACCES"} 1',
        'warpdrive_stale_served_total{backend="cac"} 1',
        'warpdrive_warm_bytes_total{backend="cac"} 30',
        'warpdrive_warm_failed_files_total{backend="cac"} 1',
        'warpdrive_warm_fetched_bytes_total{backend="cac"} 20',
        'warpdrive_warm_files_total{backend="cac"} 2',
      ].sort(),
    );
    const exposition = await metrics.registry.expose();
    expect(exposition).toContain('\nwarpdrive_passthrough_opens_total 1\n');
    expect(exposition).toContain('\nwarpdrive_passthrough_opened_bytes_total 100\n');
  });

  it('listens no more once disposed', async () => {
    const metrics = new DaemonMetrics({ cache: () => undefined, fuse: () => undefined });
    metrics[Symbol.dispose]();
    publish('warpforge:fuse-fs:passthrough-open', { bytes: 100 });
    expect(await metrics.registry.expose()).toContain('\nwarpdrive_passthrough_opens_total 0\n');
  });
});

describe('Resources', () => {
  it('closes everything in the reverse order, also after failures, and tells all of those', async () => {
    const closed: number[] = [];
    const resources = new Resources();
    for (const index of [1, 2, 3, 4]) {
      resources.defer(() => {
        closed.push(index);
        if (index % 2 === 0) throw new Error(`no ${index}`);
      });
    }
    await expect(resources[Symbol.asyncDispose]()).rejects.toMatchObject({ errors: [{ message: 'no 4' }, { message: 'no 2' }] });
    expect(closed).toEqual([4, 3, 2, 1]);
    await resources[Symbol.asyncDispose]();
    expect(closed).toHaveLength(4);
  });
});
