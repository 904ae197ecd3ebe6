import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandShards } from '../src/shard-spec.ts';

describe('expandShards', () => {
  it.each([
    ['a.tar', ['a.tar']],
    ['s-{000..002}.tar', ['s-000.tar', 's-001.tar', 's-002.tar']],
    ['{8..11}', ['8', '9', '10', '11']],
    ['{08..11}', ['08', '09', '10', '11']],
    ['{-01..1}', ['-01', '000', '001']],
    ['{5..1..2}', ['5', '3', '1']],
    ['{a..e..2}', ['a', 'c', 'e']],
    ['{train,val}-{0..1}.tar', ['train-0.tar', 'train-1.tar', 'val-0.tar', 'val-1.tar']],
    ['a{,b{1,2}}', ['a', 'ab1', 'ab2']],
    ['{{a,b}}', ['{a}', '{b}']],
    ['{single}{}', ['{single}{}']],
    [String.raw`\{a,b\}`, ['{a,b}']],
    ['x{1..2}.tar::y.tar::', ['x1.tar', 'x2.tar', 'y.tar']],
    ['', []],
  ])('expands %s', (spec, expected) => {
    expect(expandShards(spec)).toEqual(expected);
  });

  it('takes a list of specifications', () => {
    expect(expandShards(['a{1..2}', 'b::c'])).toEqual(['a1', 'a2', 'b', 'c']);
  });

  it('agrees with bash on any nesting of ranges and alternatives', () => {
    const word = fc.stringMatching(/^[a-z0-9/.-]{0,3}$/);
    const number = fc.oneof(fc.integer({ min: -11, max: 11 }).map(String), fc.stringMatching(/^-?0\d$/));
    const range = fc.oneof(
      fc.tuple(number, number).map(([first, last]) => `{${first}..${last}}`),
      fc.tuple(number, number, fc.integer({ min: -4, max: 4 })).map(([first, last, step]) => `{${first}..${last}..${step}}`),
      fc.stringMatching(/^\{[a-e]\.\.[a-e]\}$/),
    );
    const { pattern } = fc.letrec<{ pattern: string; piece: string }>((tie) => ({
      pattern: fc.array(tie('piece'), { minLength: 1, maxLength: 2 }).map((pieces) => pieces.join('')),
      piece: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        word,
        range,
        fc.array(tie('pattern'), { minLength: 2, maxLength: 3 }).map((alternatives) => `{${alternatives.join(',')}}`),
      ),
    }));
    // One shell for all: each pattern is a line of words, `-` keeps empty words visible.
    const patterns = fc.sample(pattern, { numRuns: 500, seed: 20 }).filter((text) => expandShards(text).length < 500);
    expect(patterns.length).toBeGreaterThan(300);
    const script = patterns.map((text) => `printf '%s\\n' -${text}; printf '\\n'`).join('\n');
    const groups = execFileSync('bash', ['-f'], { input: script, env: { LC_ALL: 'C' }, maxBuffer: 1 << 28 })
      .toString()
      .split('\n\n');
    for (const [index, text] of patterns.entries()) {
      expect(expandShards(`-${text}`), text).toEqual(groups[index]?.split('\n'));
    }
  });

  it.each(['a{b', 'a}b', '{a,{b}', String.raw`{a\}`])('refuses %s, whose braces do not match', (spec) => {
    expect(() => expandShards(spec)).toThrow(expect.objectContaining({ code: 'WDS_BAD_SPEC' }));
  });

  it('refuses what would fill the memory, at once', () => {
    expect(() => expandShards('{0..99999999999}')).toThrow(expect.objectContaining({ code: 'WDS_BAD_SPEC' }));
    expect(() => expandShards('{0..9999}{0..9999}{0..9999}')).toThrow(expect.objectContaining({ code: 'WDS_BAD_SPEC' }));
  });
});
