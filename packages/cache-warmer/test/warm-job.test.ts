import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseWarmJob, WarmJobError } from '../src/index.ts';

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
      mountAddresses: ['10.0.1.11', '10.0.1.12', '10.0.1.13'],
      exportPath: '/animation',
      targetPath: '/scene1',
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
    expect(parseWarmJob(JSON.stringify({ ...minimal, WarmTargetMountAddresses: addresses })).mountAddresses).toEqual(addresses);
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
  });

  it('parses or fails with a WarmJobError, whatever the message holds', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
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
          expect(error).toBeInstanceOf(WarmJobError);
        }
      }),
    );
  });
});
