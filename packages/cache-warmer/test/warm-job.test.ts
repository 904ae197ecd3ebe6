import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeTarget, formatWarmJob, parseWarmJob, WarmJobError } from '../src/index.ts';

const minimal = {
  WarmTargetMountAddresses: ['10.0.1.11', '10.0.1.12', '10.0.1.13'],
  WarmTargetExportPath: '/animation',
  WarmTargetPath: '/scene1',
};

function errorOf(text: string): WarmJobError {
  try {
    parseWarmJob(text);
  } catch (error) {
    if (error instanceof WarmJobError) return error;
    throw error;
  }
  throw new Error('the job was accepted');
}

describe('a warm job', () => {
  it('of the three required keys warms every file below the path', () => {
    expect(parseWarmJob(JSON.stringify(minimal))).toEqual({
      target: { kind: 'export', addresses: ['10.0.1.11', '10.0.1.12', '10.0.1.13'], exportPath: '/animation', path: '/scene1' },
      throughAllAddresses: false,
      inclusionList: [],
      exclusionList: [],
      maxFileSizeBytes: 0,
    });
  });

  it('carries filters and a size limit', () => {
    const text = JSON.stringify({ ...minimal, InclusionList: ['*.exr'], ExclusionList: ['*~'], MaxFileSizeBytes: 1024 });
    expect(parseWarmJob(text)).toMatchObject({ inclusionList: ['*.exr'], exclusionList: ['*~'], maxFileSizeBytes: 1024 });
  });

  it('is read from base64 as from plain text, also when the base64 is broken into lines', () => {
    const text = JSON.stringify({ ...minimal, WarmTargetPath: '/szene ä' });
    const base64 = Buffer.from(text).toString('base64');
    expect(parseWarmJob(base64)).toEqual(parseWarmJob(text));
    expect(parseWarmJob(base64.replace(/(.{76})/g, '$1\r\n') + '\n')).toEqual(parseWarmJob(text));
  });

  it('takes host names and IPv6 addresses', () => {
    const addresses = ['vfxt-0.render.internal', 'filer', 'fd00::11', '::1'];
    expect(parseWarmJob(JSON.stringify({ ...minimal, WarmTargetMountAddresses: addresses })).target).toMatchObject({ addresses });
  });

  it('takes directories of this machine as addresses', () => {
    const addresses = ['file:///mnt/cache1', 'file:///mnt/cache%202'];
    expect(parseWarmJob(JSON.stringify({ ...minimal, WarmTargetMountAddresses: addresses })).target).toMatchObject({ addresses });
    const faulty = ['file://host/mnt', 'file:mnt', 'file:///mnt?x', 'file:////', 'file:///a%2fb', 'file:///a%zz', 'file:///a%00'];
    const climbing = ['file:///mnt/../etc', 'file:///mnt/%2e%2e/etc', 'file:///mnt\\..\\etc', 'file:///mnt/.\t./etc'];
    for (const address of [...faulty, ...climbing]) {
      const error = errorOf(JSON.stringify({ ...minimal, WarmTargetMountAddresses: [address] }));
      expect(error.message).toContain('WarmTargetMountAddresses.0: must be file:///');
    }
  });

  it('warms a backend of the daemon instead of an export, and never both', () => {
    expect(parseWarmJob('{"WarmTargetBackend":"datasets-cac","WarmTargetPrefix":"train/"}').target).toEqual({
      kind: 'backend',
      backend: 'datasets-cac',
      prefix: 'train/',
    });
    expect(parseWarmJob('{"WarmTargetBackend":"a"}').target).toEqual({ kind: 'backend', backend: 'a', prefix: '' });
    expect(errorOf(JSON.stringify({ ...minimal, WarmTargetBackend: 'a' })).faults.map(({ path }) => path)).toEqual([
      'WarmTargetMountAddresses',
      'WarmTargetExportPath',
      'WarmTargetPath',
    ]);
    expect(errorOf('{"WarmTargetPrefix":"/train"}').faults.map(({ path }) => path)).toEqual(['WarmTargetPrefix', 'WarmTargetBackend']);
  });

  it('takes the null that Go writes for an empty list', () => {
    expect(parseWarmJob(JSON.stringify({ ...minimal, InclusionList: null, ExclusionList: null }))).toEqual(
      parseWarmJob(JSON.stringify(minimal)),
    );
  });

  it('is the same after it was written', () => {
    const names = fc.stringMatching(/^[a-z*?]{1,5}$/);
    const target = fc.oneof(
      fc.record({
        kind: fc.constant('export' as const),
        addresses: fc.array(fc.constantFrom('10.0.0.1', 'filer', 'file:///mnt/a'), { minLength: 1 }),
        exportPath: names.map((name) => `/${name}`),
        path: names.map((name) => `/${name}`),
      }),
      fc.record({ kind: fc.constant('backend' as const), backend: names, prefix: names }),
    );
    const jobs = fc.record({
      target,
      throughAllAddresses: fc.boolean(),
      inclusionList: fc.array(names),
      exclusionList: fc.array(names),
      maxFileSizeBytes: fc.nat(),
    });
    fc.assert(
      fc.property(jobs, (job) => {
        expect(parseWarmJob(formatWarmJob(job))).toEqual(job);
      }),
    );
  });

  it('is described for people', () => {
    expect(describeTarget(parseWarmJob(JSON.stringify(minimal)).target)).toBe('/animation/scene1 through 10.0.1.11, 10.0.1.12, 10.0.1.13');
    expect(describeTarget({ kind: 'export', addresses: ['a'], exportPath: '/', path: '/' })).toBe('/ through a');
    expect(describeTarget({ kind: 'backend', backend: 'cac', prefix: 'train/' })).toBe('backend cac, prefix train/');
  });

  it('names every fault at once, by its key', () => {
    const error = errorOf(
      JSON.stringify({
        WarmTargetMountAddresses: ['10.0.1.11', '10.0.1.12; rm -rf /'],
        WarmTargetExportPath: 'animation',
        WarmTargetPath: '/scene1/../../etc',
        ExclusionLst: ['*~'],
        InclusionList: [''],
        MaxFileSizeBytes: -1,
      }),
    );
    expect(error.code).toBe('WARM_JOB_INVALID');
    expect(error.faults.map((fault) => fault.path).sort()).toEqual([
      'ExclusionLst',
      'InclusionList.0',
      'MaxFileSizeBytes',
      'WarmTargetExportPath',
      'WarmTargetMountAddresses.1',
      'WarmTargetPath',
    ]);
    for (const fault of error.faults) expect(error.message).toContain(`${fault.path}: ${fault.message}`);
  });

  it('tells of a key that it does not know which ones it knows', () => {
    const { faults } = errorOf(JSON.stringify({ ...minimal, ExclusionLst: [] }));
    expect(faults).toEqual([{ path: 'ExclusionLst', message: expect.stringContaining('InclusionList, ExclusionList') as string }]);
  });

  it('without an address, or with a fraction of a byte, is refused', () => {
    expect(errorOf(JSON.stringify({ ...minimal, WarmTargetMountAddresses: [] })).message).toContain('at least one address');
    expect(errorOf(JSON.stringify({ ...minimal, MaxFileSizeBytes: 0.5 })).message).toContain('whole number of bytes');
  });

  it.each(['', 'warm /scene1', '{"WarmTargetPath": ', Buffer.from('no job').toString('base64')])('is never read from %j', (text) => {
    expect(errorOf(text).code).toBe('WARM_JOB_NOT_JSON');
  });

  it.each(['[null]', '[]', '"text"', '{}'])('is not the JSON %s', (text) => {
    expect(errorOf(text).code).toBe('WARM_JOB_INVALID');
  });

  it('longer than a queue message is refused before it is parsed', () => {
    expect(errorOf(' '.repeat(70_000)).code).toBe('WARM_JOB_TOO_LARGE');
    expect(errorOf(`${' '.repeat(65_000)}{`).code).toBe('WARM_JOB_NOT_JSON');
  });

  it('parses or fails with a WarmJobError, whatever the message holds', () => {
    const text = fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('utf8')),
      fc.json(),
      fc.base64String(),
      fc.json().map((json) => Buffer.from(json).toString('base64')),
      fc
        .record(
          { WarmTargetMountAddresses: fc.anything(), WarmTargetExportPath: fc.anything(), WarmTargetPath: fc.anything() },
          { requiredKeys: [] },
        )
        .map((value) => JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner))),
    );
    fc.assert(
      fc.property(text, (message) => {
        try {
          parseWarmJob(message);
        } catch (error) {
          if (!(error instanceof WarmJobError)) throw error;
        }
      }),
    );
  });
});
