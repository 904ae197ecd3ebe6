import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatSeconds, Terminal } from '../../demo/terminal.ts';

function capture(): { stream: NodeJS.WriteStream; text: () => string } {
  const stream = new PassThrough();
  let written = '';
  stream.on('data', (data: Buffer) => (written += data.toString()));
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => written };
}

describe('the terminal', () => {
  it('numbers the steps and says how long each one took', () => {
    const { stream, text } = capture();
    let nowMs = 0;
    const terminal = new Terminal(stream, () => nowMs);
    terminal.planSteps(2);
    expect(terminal.currentStep).toBe('the start');
    terminal.step('Mount');
    nowMs = 1500;
    terminal.step('Train');
    expect(terminal.currentStep).toBe('step 2 "Train"');
    nowMs = 62_500;
    terminal.endStep();
    terminal.endStep();
    expect(text()).toBe('\n==> 1/2 Mount\n    done in 1.5 s\n\n==> 2/2 Train\n    done in 1 min 1 s\n');
  });

  it('aligns tables: names to the left, numbers to the right', () => {
    const { stream, text } = capture();
    new Terminal(stream).table(
      ['metric', 'now'],
      [
        ['a_long_name', '7'],
        ['b', '12345'],
      ],
    );
    expect(text()).toBe(
      ['    metric          now', '    -----------   -----', '    a_long_name       7', '    b             12345', ''].join('\n'),
    );
  });

  it('shows progress as a line at every quarter where there is no terminal', () => {
    const { stream, text } = capture();
    using progress = new Terminal(stream).progress('uploading', 8, 'shards');
    for (let done = 1; done <= 8; done += 1) progress.update(done, done === 8 ? '3 MiB' : '');
    expect(text().trimEnd().split('\n')).toEqual([
      '    uploading 2/8 shards',
      '    uploading 4/8 shards',
      '    uploading 6/8 shards',
      '    uploading 8/8 shards  3 MiB',
    ]);
  });

  it('writes numbers for people', () => {
    expect([0, 1023, 1024, 1536, 5 * 1024 ** 3].map(formatBytes)).toEqual(['0 B', '1023 B', '1 KiB', '1.5 KiB', '5 GiB']);
    expect(formatBytes(12.345)).toBe('12 B');
    expect([80, 59_940, 59_960, 125_000].map(formatSeconds)).toEqual(['0.1 s', '59.9 s', '1 min 0 s', '2 min 5 s']);
    expect(formatCount(8000)).toBe('8,000');
  });
});
