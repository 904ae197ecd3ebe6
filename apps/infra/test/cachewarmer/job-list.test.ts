import { formatWarmJob, parseWarmJobValue } from '@warpforge/cache-warmer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseJobList } from '../../src/cachewarmer/job-list.ts';

const SCENE1 = { WarmTargetMountAddresses: ['10.0.1.11', '10.0.1.12'], WarmTargetExportPath: '/animation', WarmTargetPath: '/scene1' };
const BACKEND = { WarmTargetBackend: 'datasets-cac', WarmTargetPrefix: 'train/' };

async function faultsOf(text: string): Promise<string[]> {
  const error: unknown = await parseJobList(text, 'jobs.yaml').catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: 'USAGE' });
  return error instanceof Error ? error.message.split('\n') : [];
}

describe('a list of jobs', () => {
  it('is a list of jobs as they are on the queue, as JSON or YAML', async () => {
    const expected = [SCENE1, BACKEND].map((job) => parseWarmJobValue(job));
    expect(await parseJobList(JSON.stringify([SCENE1, BACKEND]), 'jobs.json')).toEqual(expected);
    expect(await parseJobList(stringify([SCENE1, BACKEND]), 'jobs.yaml')).toEqual(expected);
    expect(await parseJobList(JSON.stringify(SCENE1), 'job.json')).toEqual(expected.slice(0, 1));
  });

  it('is a job for each path of a map from exports, with what stands beside the map', async () => {
    const jobs = await parseJobList(
      `WarmTargetMountAddresses: [10.0.1.11, file:///mnt/cache1]
WarmTargets:
  /animation: [/scene1, /scene2]
  /textures: [/]
  /empty: []
ExclusionList: ['*.tmp']
MaxFileSizeBytes: 1000
`,
      'jobs.yaml',
    );
    expect(jobs.map(({ target }) => target)).toEqual(
      [
        ['/animation', '/scene1'],
        ['/animation', '/scene2'],
        ['/textures', '/'],
      ].map(([exportPath, path]) => ({ kind: 'export', addresses: ['10.0.1.11', 'file:///mnt/cache1'], exportPath, path })),
    );
    for (const job of jobs) expect(job).toMatchObject({ exclusionList: ['*.tmp'], maxFileSizeBytes: 1000 });
  });

  it('is as many jobs as it has paths, whatever they are called', async () => {
    const part = fc.stringMatching(/^\/[a-z0-9 _:#'-]{1,8}$/);
    const targets = fc.dictionary(part, fc.array(part, { maxLength: 4 }), { maxKeys: 4, noNullPrototype: true });
    await fc.assert(
      fc.asyncProperty(targets, fc.constantFrom(stringify, JSON.stringify), async (map, write) => {
        fc.pre(Object.values(map).flat().length > 0);
        const jobs = await parseJobList(write({ WarmTargetMountAddresses: ['cache'], WarmTargets: map }), 'jobs');
        const pairs = jobs.map(({ target }) => (target.kind === 'export' ? [target.exportPath, target.path] : []));
        expect(pairs).toEqual(Object.entries(map).flatMap(([exportPath, paths]) => paths.map((path) => [exportPath, path])));
      }),
    );
  });

  it('names every fault of every job, and where it is', async () => {
    const jobs = [SCENE1, { ...SCENE1, WarmTargetPath: 7 }, 'scene3', { ...SCENE1, WarmTargetPath: '/../x', Filter: [] }];
    expect(await faultsOf(JSON.stringify(jobs))).toEqual([
      'jobs.yaml is not valid, and nothing was sent:',
      expect.stringMatching(/^ {2}job 2: WarmTargetPath: .*expected string/) as string,
      expect.stringMatching(/^ {2}job 3: .*expected object/) as string,
      '  job 4: WarmTargetPath: must not contain ".." as a part',
      expect.stringMatching(/^ {2}job 4: Filter: is unknown/) as string,
    ]);
    const shared = { WarmTargetMountAddresses: ['no host'], WarmTargets: { '/a': ['/b', 'c'], '/d': '/e' } };
    expect((await faultsOf(JSON.stringify(shared))).slice(1)).toEqual([
      '  the job: WarmTargets./d: must be a list of paths, such as [/scene1]',
      '  /a: /b: WarmTargetMountAddresses.0: must be a host name, an IP address, or file:///dir',
      '  /a: c: WarmTargetMountAddresses.0: must be a host name, an IP address, or file:///dir',
      '  /a: c: WarmTargetPath: must be an absolute path, such as /animation',
    ]);
    expect((await faultsOf(JSON.stringify([{ WarmTargets: [] }, { WarmTargets: {}, WarmTargetPath: '/' }]))).slice(1)).toEqual([
      '  job 1: WarmTargets: must be a map from exports to lists of paths',
      '  job 2: WarmTargetPath: must not stand beside WarmTargets, which says it',
    ]);
  });

  it('has at least one job, each of which fits in a message', async () => {
    for (const text of ['[]', '{ "WarmTargets": {} }']) expect(await faultsOf(text)).toEqual(['jobs.yaml has no jobs']);
    expect(await faultsOf('[{ a: 1 }')).toEqual(expect.arrayContaining([expect.stringContaining('jobs.yaml is neither JSON nor YAML: ')]));
    const large = { ...SCENE1, InclusionList: Array.from({ length: 9_000 }, (_, index) => `*.${index}`) };
    expect(formatWarmJob(parseWarmJobValue(large)).length).toBeGreaterThan(65_536);
    expect((await faultsOf(JSON.stringify([large])))[1]).toContain('job 1: the message is longer than 64 KiB');
  });
});
