import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutputLines } from '../../src/machine/output-lines.ts';

function linesOf(chunks: readonly Buffer[]): string[] {
  const lines: string[] = [];
  const output = new OutputLines((line) => lines.push(line));
  for (const chunk of chunks) output.push(chunk);
  output.end();
  return lines;
}

describe('OutputLines', () => {
  it('gives the same lines however the bytes come', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '🙂', '\n', '\r\n', '\r', ' ') });
    fc.assert(
      fc.property(text, fc.array(fc.nat(40)), (printed, cuts) => {
        const bytes = Buffer.from(printed);
        const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        expect(linesOf(chunks)).toEqual(linesOf([bytes]));
      }),
    );
  });

  it('ends a line at a line break of any kind, also where a progress bar writes over itself', () => {
    expect(linesOf([Buffer.from('one\ntwo\r\n10 %\r20 %\r\n\nlast')])).toEqual(['one', 'two', '10 %', '20 %', '', 'last']);
  });

  it('passes an endless line on in pieces', () => {
    const chunk = Buffer.alloc(5_000, 'x');
    const lines = linesOf([chunk, chunk, chunk, chunk]);
    expect(lines.join('')).toHaveLength(20_000);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(8_192);
  });
});
