import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileFilter, parseWarmJobValue, WarmJobError, type FileFilter } from '../src/index.ts';

function filter(filters: Readonly<Record<string, unknown>>): FileFilter {
  const target = { WarmTargetMountAddresses: ['a'], WarmTargetExportPath: '/', WarmTargetPath: '/' };
  return fileFilter(parseWarmJobValue({ ...target, ...filters }));
}

/** Tries everything that a star may stand for. */
function fitsName(pattern: string, name: string): boolean {
  if (pattern === '') return name === '';
  if (pattern.startsWith('*')) return fitsName(pattern.slice(1), name) || (name !== '' && fitsName(pattern, name.slice(1)));
  return name !== '' && (pattern.startsWith('?') || name.startsWith(pattern.slice(0, 1))) && fitsName(pattern.slice(1), name.slice(1));
}

function fitsPath([first, ...rest]: readonly string[], names: readonly string[]): boolean {
  if (first === undefined) return names.length === 0;
  const [name, ...below] = names;
  // By itself, without a slash, it is a pattern of names, in which two stars are as good as one.
  if (first === '**') return fitsPath(rest, names) || (name !== undefined && fitsPath([first, ...rest], below));
  return name !== undefined && fitsName(first, name) && fitsPath(rest, below);
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
    ['**/.cache/**', '.cache/b', true],
    ['a/**', 'a/b/c', true],
    ['a/**', 'b/a/c', false],
    ['a/**/b/**/c', 'a/x/b/y/b/c', true],
    ['a/**/b/**/c', 'a/c', false],
    ['a/**/a/b', 'a/b', false],
    ['./a', 'a', false],
  ])('%s and %s: %s', (pattern, path, isMeant) => {
    expect(filter({ InclusionList: [pattern] })(path, 1)).toBe(isMeant ? undefined : 'inclusion');
    expect(filter({ ExclusionList: [pattern] })(path, 1)).toBe(isMeant ? 'exclusion' : undefined);
  });

  it('leaves in what exclusions alone do not name', () => {
    const excluded = filter({ ExclusionList: ['*.tmp', '*.bak'] });
    expect([excluded('a.tmp', 1), excluded('a.exr', 1), excluded('a.bak', 1)]).toEqual(['exclusion', undefined, 'exclusion']);
  });

  it('refuses a pattern of folders, which no file would ever fit', () => {
    expect(() => filter({ ExclusionList: ['textures/'] })).toThrow('ExclusionList.0: must not end with a slash: textures/** means');
  });

  it('asks for inclusion, then exclusion, then size', () => {
    const all = filter({ InclusionList: ['a*'], ExclusionList: ['*b'], MaxFileSizeBytes: 10 });
    expect([all('cb', 11), all('ab', 11), all('a', 11), all('a', 10)]).toEqual(['inclusion', 'exclusion', 'size', undefined]);
  });

  it('means by a pattern what the plain search for every way to fit it means', () => {
    const pattern = fc
      .array(fc.constantFrom('a', 'b', '*', '?', '**', '/'), { minLength: 1, maxLength: 12 })
      .map((parts) => parts.join(''));
    const name = fc.stringMatching(/^[ab]{1,5}$/);
    const path = fc.array(name, { minLength: 1, maxLength: 6 }).map((names) => names.join('/'));
    fc.assert(
      fc.property(
        pattern.filter((text) => !text.endsWith('/')),
        path,
        (text, at) => {
          const names = text.includes('/') ? at.split('/') : at.split('/').slice(-1);
          expect(filter({ InclusionList: [text] })(at, 1) === undefined).toBe(fitsPath(text.split('/').filter(Boolean), names));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('is asked in a moment, however many stars a pattern has', () => {
    const name = 'a'.repeat(250);
    const path = 'a/'.repeat(100) + name;
    expect(filter({ InclusionList: ['*a'.repeat(30) + '*b'] })(name, 1)).toBe('inclusion');
    expect(filter({ InclusionList: ['x/' + '*a'.repeat(30) + '*b'] })(`x/${name}`, 1)).toBe('inclusion');
    expect(filter({ InclusionList: ['**/a/'.repeat(30) + '*b'] })(path, 1)).toBe('inclusion');
    expect(filter({ InclusionList: ['**/a/'.repeat(30) + '*a'] })(path, 1)).toBeUndefined();
  });

  it.each(['[', '[]', '[a', 'a\\', '[z-a]', '[-a]', '[a-]', 'a/[b', 'a[/]b'])('refuses the pattern %s, by its key', (pattern) => {
    expect(() => filter({ ExclusionList: ['*', pattern] })).toThrow(WarmJobError);
    expect(() => filter({ ExclusionList: ['*', pattern] })).toThrow('ExclusionList.1: must be a pattern such as *.exr');
  });
});
