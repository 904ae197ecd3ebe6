import { describe, expect, it, vi } from 'vitest';
import { RunningDemo, TINY } from './running-demo.ts';

// Each test starts all parts of the product as processes; on a busy machine that takes a while.
vi.setConfig({ testTimeout: 120_000 });

/** Each training takes many seconds, so that it is still running when something happens to it. */
const LONG = '--dataset synthetic --size 128 --shards 4 --images-per-shard 24 --steps 100000 --batch-size 64 --workers 1'.split(' ');

/** `npm run stress -- stopping` tries every step and every part in each; here are those that differ in what they have to end. */
const isLong = process.env['WARPFORGE_LONG_TESTS'] !== undefined;

const STEPS = (isLong ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] : [2, 5, 9]).map((step) => `==> ${step}/10`);

describe('Ctrl-C', () => {
  it.each(STEPS)('in step %s ends everything', async (step) => {
    await using demo = new RunningDemo(TINY);
    await demo.printed(step);
    demo.process.kill('SIGINT');
    const { code, signal } = await demo.end;
    expect({ code, signal }, demo.output).toEqual({ code: 130, signal: null });
    expect(demo.output).toContain('SIGINT: stopping in step');
    await demo.expectNothingLeft();
  });

  it('while reading in process ends everything, too', async () => {
    await using demo = new RunningDemo([...LONG, '--read', 'in-process']);
    await demo.printed('==> 6/10');
    demo.process.kill('SIGINT');
    expect((await demo.end).code, demo.output).toBe(130);
    await demo.expectNothingLeft();
  });

  it('again and again changes nothing', async () => {
    await using demo = new RunningDemo(LONG);
    await demo.printed('==> 6/10');
    for (let count = 0; count < 5; count += 1) demo.process.kill('SIGINT');
    await demo.printed('SIGINT: stopping');
    demo.process.kill('SIGINT');
    demo.process.kill('SIGTERM');
    const { code } = await demo.end;
    expect(code, demo.output).toBe(130);
    expect(demo.output).toContain('already stopping');
    await demo.expectNothingLeft();
  });
});

describe('a signal', () => {
  it.each([
    { name: 'SIGTERM', code: 143 },
    { name: 'SIGHUP', code: 129 },
  ] as const)('$name in a training ends everything', async ({ name, code }) => {
    await using demo = new RunningDemo(LONG);
    await demo.printed('==> 6/10');
    await demo.part('apps/trainer/src/main.ts');
    demo.process.kill(name);
    expect((await demo.end).code, demo.output).toBe(code);
    await demo.expectNothingLeft();
  });
});

describe('a crash', () => {
  const further = [
    { part: 'the daemon', step: '5/10', command: 'apps/mount/src/main.ts serve', says: 'warpdrive serve ended (killed by SIGKILL)' },
    { part: 'azurite', step: '6/10', command: 'azurite-process', says: 'azurite ended' },
  ];
  it.each([
    ...(isLong ? further : []),
    { part: 'azurite', step: '2/10', command: 'azurite-process', says: 'azurite ended' },
    { part: 'the daemon', step: '6/10', command: 'apps/mount/src/main.ts serve', says: 'warpdrive serve ended (killed by SIGKILL)' },
    { part: 'the trainer', step: '6/10', command: 'apps/trainer/src/main.ts', says: 'warpforge-train ended (killed by SIGKILL)' },
    { part: 'the command that warms', step: '7/10', command: 'warm --config', says: 'warpdrive warm ended (killed by SIGKILL)' },
  ])('of $part in step $step is named, and ends everything', async ({ step, command, says }) => {
    await using demo = new RunningDemo(step === '6/10' ? LONG : TINY);
    await demo.printed(`==> ${step}`);
    if (step === '6/10') await demo.part('apps/trainer/src/main.ts');
    process.kill(await demo.part(command), 'SIGKILL');
    const { code } = await demo.end;
    expect(code, demo.output).toBe(1);
    expect(demo.output).toContain(says);
    await demo.expectNothingLeft();
  });

  it('of the demo itself leaves nothing behind either', async () => {
    await using demo = new RunningDemo(LONG);
    await demo.printed('==> 6/10');
    await demo.part('apps/trainer/src/main.ts');
    demo.process.kill('SIGKILL');
    await demo.end;
    await demo.expectNothingLeft();
  });
});

describe('a reader that goes away', () => {
  it('ends everything', async () => {
    await using demo = new RunningDemo(LONG);
    await demo.printed('==> 5/10');
    demo.process.stdout?.destroy();
    demo.process.stderr?.destroy();
    const { code } = await demo.end;
    expect(code).toBe(1);
    await demo.expectNothingLeft();
  });
});
