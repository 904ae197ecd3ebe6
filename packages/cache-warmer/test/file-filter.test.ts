import { describe, expect, it } from 'vitest';
import { fileFilter, parseWarmJobValue, WarmJobError, type FileFilter } from '../src/index.ts';

function filter(filters: Readonly<Record<string, unknown>>): FileFilter {
  const target = { WarmTargetMountAddresses: ['a'], WarmTargetExportPath: '/', WarmTargetPath: '/' };
  return fileFilter(parseWarmJobValue({ ...target, ...filters }));
}

describe('the filter of a job', () => {
  it.each([
    ['*.exr', 'a/b/frame.exr', true],
    ['*.exr', 'frame.exr.tmp', false],
    ['*.EXR', 'frame.exr', false],
    ['frame-?.exr', 'frame-1.exr', true],
    ['frame-?.exr', 'frame-12.exr', false],
    ['frame-?.exr', 'frame-漢.exr', true],
    ['frame-[0-4].exr', 'frame-4.exr', true],
    ['frame-[0-4].exr', 'frame-5.exr', false],
    ['frame-[^0-4].exr', 'frame-5.exr', true],
    ['[a\\-c]', '-', true],
    ['[a\\-c]', 'b', false],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['a+b.c', 'a+b.c', true],
    ['a+b.c', 'aab.c', false],
    ['*', '.hidden', true],
    ['*~', 'old\nname~', true],
    ['textures/**/*.tx', 'textures/a/b/wood.tx', true],
    ['textures/**/*.tx', 'textures/wood.tx', true],
    ['/textures/*.tx', 'textures/wood.tx', true],
    ['textures/*.tx', 'scene/textures/wood.tx', false],
    ['**/.cache/**', 'a/.cache/b', true],
  ])('%s and %s: %s', (pattern, path, isMeant) => {
    expect(filter({ InclusionList: [pattern] })(path, 1)).toBe(isMeant ? undefined : 'inclusion');
    expect(filter({ ExclusionList: [pattern] })(path, 1)).toBe(isMeant ? 'exclusion' : undefined);
  });

  it('leaves in what exclusions alone do not name', () => {
    const excluded = filter({ ExclusionList: ['*.tmp', '*.bak'] });
    expect([excluded('a.tmp', 1), excluded('a.exr', 1), excluded('a.bak', 1)]).toEqual(['exclusion', undefined, 'exclusion']);
  });

  it('asks for inclusion, then exclusion, then size', () => {
    const all = filter({ InclusionList: ['a*'], ExclusionList: ['*b'], MaxFileSizeBytes: 10 });
    expect([all('cb', 11), all('ab', 11), all('a', 11), all('a', 10)]).toEqual(['inclusion', 'exclusion', 'size', undefined]);
  });

  it.each(['[', '[]', '[a', 'a\\', '[z-a]', '[-a]', '[a-]'])('refuses the pattern %s, by its key', (pattern) => {
    expect(() => filter({ ExclusionList: ['*', pattern] })).toThrow(WarmJobError);
    expect(() => filter({ ExclusionList: ['*', pattern] })).toThrow('ExclusionList.1: must be a pattern such as *.exr');
  });
});
