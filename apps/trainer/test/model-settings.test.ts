import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addSettings, overridesOf } from '../src/commands/settings.ts';
import { loadConfig } from '../src/config/load.ts';
import { learningRateOf, modelOptionsOf, optimizerOf } from '../src/config/model-settings.ts';
import type { Config, ConfigKey } from '../src/config/schema.ts';

const KEYS: readonly ConfigKey[] = [
  'model',
  'width',
  'depth',
  'batch_norm',
  'optimizer',
  'momentum',
  'weight_decay',
  'learning_rate',
  'device',
];

/** What flags alone say. */
function fromFlags(...flags: string[]): Promise<Config> {
  const command = addSettings(new Command(), KEYS).exitOverride().parse(flags, { from: 'user' });
  return loadConfig({ file: undefined, overrides: overridesOf(command.opts(), KEYS), needs: [] });
}

async function faults(...flags: string[]): Promise<string[]> {
  const error = await fromFlags(...flags).then(
    () => new Error('the settings were accepted'),
    (reason: unknown) => reason as Error,
  );
  return error.message.split('\n').slice(1);
}

describe('the settings of the model', () => {
  it('have defaults: the cnn without batch norm, and AdamW', async () => {
    const config = await fromFlags();
    expect(modelOptionsOf(config)).toEqual({ model: 'cnn', width: undefined, depth: undefined, batchNorm: undefined });
    expect(optimizerOf(config)).toEqual({ kind: 'adamw', weightDecay: 0.01 });
    expect(learningRateOf(config)).toBe(0.002);
    expect(config.device).toBe('cpu');
  });

  it('come from flags', async () => {
    const config = await fromFlags('--width', '64', '--depth', '2', '--batch-norm', '--weight-decay', '0', '--device', 'webgpu');
    expect(modelOptionsOf(config)).toEqual({ model: 'cnn', width: 64, depth: 2, batchNorm: true });
    expect(optimizerOf(config)).toEqual({ kind: 'adamw', weightDecay: 0 });
    expect(config.device).toBe('webgpu');
    expect(optimizerOf(await fromFlags('--optimizer', 'sgd'))).toEqual({ kind: 'sgd', momentum: 0.9, weightDecay: 0 });
    expect(learningRateOf(await fromFlags('--optimizer', 'sgd'))).toBe(0.05);
    expect(learningRateOf(await fromFlags('--optimizer', 'sgd', '--learning-rate', '0.1'))).toBe(0.1);
    expect(optimizerOf(await fromFlags('--optimizer', 'sgd', '--momentum', '0', '--weight-decay', '0.1'))).toEqual({
      kind: 'sgd',
      momentum: 0,
      weightDecay: 0.1,
    });
  });

  it('can be switched off by a flag where the file switches them on', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'warpforge-train-'));
    try {
      const file = join(folder, 'train.yaml');
      await writeFile(file, 'batch_norm: true\n');
      const overrides = (flags: string[]) => overridesOf(addSettings(new Command(), KEYS).parse(flags, { from: 'user' }).opts(), KEYS);
      expect((await loadConfig({ file, overrides: overrides([]), needs: [] })).batch_norm).toBe(true);
      expect((await loadConfig({ file, overrides: overrides(['--batch-norm', 'false']), needs: [] })).batch_norm).toBe(false);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each([
    ['no such model', ['--model', 'resnet'], '  --model: expected one of cnn, softmax, got "resnet"'],
    ['a width of nothing', ['--width', '0'], '  --width: expected a whole number from 1 to 4096, got "0"'],
    ['a momentum that never ends', ['--optimizer', 'sgd', '--momentum', '1'], '  --momentum: expected a number from 0 to below 1, got "1"'],
    ['a negative decay', ['--weight-decay', '-0.1'], '  --weight-decay: expected a number from 0 to 1, got "-0.1"'],
    ['a switch half on', ['--batch-norm', 'maybe'], '  --batch-norm: expected true or false, got "maybe"'],
    ['no such device', ['--device', 'cuda'], '  --device: expected one of cpu, webgpu, got "cuda"'],
    ['a depth of softmax', ['--model', 'softmax', '--depth', '3'], '  --depth: the model softmax has none; only cnn has'],
    ['batch norm in softmax', ['--model', 'softmax', '--batch-norm'], '  --batch-norm: the model softmax has none; only cnn has'],
    ['a momentum of adamw', ['--momentum', '0.5'], '  --momentum: is for the optimizer sgd alone'],
  ])('refuse %s', async (_, flags, message) => {
    expect(await faults(...flags)).toEqual([message]);
  });
});
