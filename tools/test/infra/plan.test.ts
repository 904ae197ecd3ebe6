import type { JsonObject } from '@warpforge/azure-infra/testing';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBlobStorage, textAt, TYPES, Workplace, type BlobStorage } from './workplace.ts';

let storage: BlobStorage;
beforeAll(async () => {
  storage = await startBlobStorage();
});
afterAll(() => storage[Symbol.asyncDispose]());

/** Without what is another in every run: the day of the prices, and identifiers that the service makes up. */
function lasting(text: string, { azure }: Workplace): string {
  const identifiers = azure.resourceManager.resources(TYPES.role).map((right) => textAt(right, 'properties', 'principalId'));
  const made = [...new Set(identifiers)].filter((id) => !id.startsWith('0a0a0a0a'));
  return made
    .reduce((replaced, id, index) => replaced.replaceAll(id, `PRINCIPAL-${index + 1}`), text)
    .replace(/list prices of \d{4}-\d\d-\d\d/, 'list prices of DAY');
}

describe('warpforge-infra plan', () => {
  it('shows everything as new where nothing is, exits with 2, and changes nothing', async () => {
    await using place = await Workplace.open(storage);
    const { code, stdout, stderr } = await place.runAsProcess(['plan']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    await expect(lasting(stdout, place)).toMatchFileSnapshot('golden/plan-new.txt');
    expect(place.writes()).toEqual([]);
    expect(place.names()).toEqual([]);
    expect(existsSync(join(place.folder, '.warpforge'))).toBe(false);
  });

  it('prints one JSON object, with the template as it would be deployed', async () => {
    await using place = await Workplace.open(storage);
    const { code, stdout, stderr } = await place.run(['plan', '--json']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    const plan = JSON.parse(stdout) as Record<string, unknown>;
    expect(plan).toMatchObject({
      environment: 'warpdrive-forge',
      resourceGroup: 'warpdrive-forge-rg',
      counts: { create: 14, change: 0, replace: 0, delete: 0, 'no change': 0 },
      template: { $schema: expect.stringContaining('subscriptionDeploymentTemplate.json') as string },
    });
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('warpforge-infra plan of what exists', () => {
  let place: Workplace;
  beforeAll(async () => {
    place = await Workplace.open(storage);
    await place.succeed(['provision', '--yes']);
  });
  afterAll(() => place[Symbol.asyncDispose]());

  /** Plans, and expects that this has changed nothing. */
  async function plan(args: readonly string[] = []): Promise<{ readonly code: number | null; readonly text: string }> {
    const before = place.manager.log.length;
    const { code, stdout, stderr } = await place.run(['plan', ...args]);
    expect(stderr).toBe('');
    expect(place.writes(before)).toEqual([]);
    return { code, text: lasting(stdout, place) };
  }

  it('exits with 0 where nothing is to be done, although Azure never returns user data', async () => {
    const { code, text } = await plan();
    expect(code).toBe(0);
    await expect(text).toMatchFileSnapshot('golden/plan-no-change.txt');
  });

  it('shows each property that would be another', async () => {
    const { code, text } = await plan(['--vm-size', 'Standard_D8s_v5', '--ssh-sources', '198.51.100.0/24']);
    expect(code).toBe(2);
    await expect(text).toMatchFileSnapshot('golden/plan-change.txt');
  });

  it('shows what would be made anew, and what has to go for it', async () => {
    const { code, text } = await plan(['--admin-user', 'trainer']);
    expect(code).toBe(2);
    await expect(text).toMatchFileSnapshot('golden/plan-replace.txt');
    const kept = await plan(['--admin-user', 'trainer', '--keep-vm']);
    expect(kept.code).toBe(0);
    expect(kept.text).toContain('properties.osProfile.adminUsername)');
  });

  it('shows what somebody has changed meanwhile', async () => {
    place.manager.change(
      textAt(place.only(TYPES.securityGroup), 'id'),
      (body) => JSON.parse(JSON.stringify(body).replaceAll('203.0.113.7/32', '0.0.0.0/0')) as JsonObject,
    );
    const { code, text } = await plan();
    expect(code).toBe(2);
    await expect(text).toMatchFileSnapshot('golden/plan-drift.txt');
    await place.succeed(['provision', '--yes']);
    expect((await plan()).code).toBe(0);
  });

  it('deletes rights of an identity that is gone', async () => {
    place.manager.remove(textAt(place.only(TYPES.vm), 'id'));
    const { code, text } = await plan();
    expect(code).toBe(2);
    await expect(text).toMatchFileSnapshot('golden/plan-delete.txt');
  });
});
