import { InfraError } from '@warpforge/azure-infra';
import { describe, expect, it } from 'vitest';
import { CommandError, exitCodeOf, explain } from '../src/failure.ts';
import { interruptible, Interrupted } from '../src/interrupt.ts';

describe('the end of a command', () => {
  it.each([
    [new CommandError('USAGE', 'no'), 2],
    [new InfraError('INFRA_SETTINGS_INVALID', 'no'), 2],
    [new InfraError('INFRA_NOT_PROVISIONED', 'no'), 1],
    [new Error('a fault of the program'), 1],
    [new Interrupted('SIGINT'), 130],
    [new Interrupted('SIGTERM'), 143],
  ])('has an exit code: %s', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  it('is explained by the message, and by the stack where nobody foresaw it', () => {
    expect(explain(new CommandError('NOT_DONE', 'two are left'))).toBe('two are left');
    expect(explain(new Error('unforeseen'))).toMatch(/^Error: unforeseen\n {4}at /);
    const several = new AggregateError([new CommandError('NOT_DONE', 'one'), new CommandError('NOT_DONE', 'two')], 'two faults:');
    expect(explain(several)).toBe('two faults:\n  one\n  two');
  });
});

describe('a work that can be interrupted', () => {
  it('is told once, however often the signal comes, and leaves no listener behind', async () => {
    const before = process.listenerCount('SIGHUP');
    const repeats: string[] = [];
    const work = interruptible(
      (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            process.emit('SIGTERM', 'SIGTERM');
            reject(signal.reason as Error);
          });
          process.emit('SIGHUP', 'SIGHUP');
        }),
      (name) => repeats.push(name),
    );
    await expect(work).rejects.toMatchObject({ code: 'INTERRUPTED', message: 'interrupted by SIGHUP', exitCode: 129 });
    expect(repeats).toEqual(['SIGTERM']);
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });
});
