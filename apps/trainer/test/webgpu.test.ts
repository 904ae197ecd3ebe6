import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CHROMIUM } from './chromium.ts';
import { trainOn } from './webgpu-training.ts';
import type { TrainingResult } from './webgpu-training.ts';

const PROGRAM = fileURLToPath(new URL('./webgpu-training.ts', import.meta.url));
/** The software driver compiles every shader on the processor: seconds, and on a busy machine most of a minute. */
const LIMIT_MS = 300_000;

/** Runs the training on WebGPU in a process of its own: the loader of Vulkan is chosen when a process starts. */
function trainInProcess(env: NodeJS.ProcessEnv): Promise<{ exit: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [...process.execArgv, PROGRAM, 'webgpu'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exit) => resolve({ exit, stdout, stderr }));
  });
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, index) => expect(Math.abs(value - expected[index]!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(expected[index]!))));
}

describe('--device webgpu', () => {
  it.skipIf(CHROMIUM === undefined)(
    'trains and evaluates as the CPU does, and brings the state back',
    async () => {
      const { exit, stdout, stderr } = await trainInProcess({
        VK_ICD_FILENAMES: `${CHROMIUM?.folder}/vk_swiftshader_icd.json`,
        LD_LIBRARY_PATH: CHROMIUM?.folder,
      });
      expect(exit, stderr).toBe(0);
      const onDevice = JSON.parse(stdout) as TrainingResult;
      const onCpu = await trainOn('cpu');
      expectClose(onDevice.losses, onCpu.losses);
      expect(onDevice.evaluation.loss).toBeCloseTo(onCpu.evaluation.loss, 4);
      expect(onDevice.evaluation.correct).toBe(onCpu.evaluation.correct);
      expect(Object.keys(onDevice.state)).toEqual(['weights', 'first_moment', 'second_moment', 'statistics']);
      for (const [name, vector] of Object.entries(onCpu.state)) expectClose(onDevice.state[name]!, vector);
    },
    LIMIT_MS,
  );

  it('says what to do on a machine without an adapter', async () => {
    const { exit, stdout, stderr } = await trainInProcess({ VK_ICD_FILENAMES: '/nowhere.json', LD_LIBRARY_PATH: '' });
    expect(exit).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain("code: 'DEVICE_UNAVAILABLE'");
    expect(stderr).toContain('no WebGPU adapter was found');
    expect(stderr).toContain('Compute with --device cpu instead');
  });
});
