import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBlobStorage, textAt, TYPES, Workplace, type BlobStorage } from './workplace.ts';

let storage: BlobStorage;
beforeAll(async () => {
  storage = await startBlobStorage();
});
afterAll(() => storage[Symbol.asyncDispose]());

/** The group as somebody else has made it, with something in it. */
function placeForeignGroup({ manager }: Workplace): void {
  const group = `/subscriptions/${manager.subscriptionId}/resourceGroups/warpdrive-forge-rg`;
  manager.place(group, { location: 'canadacentral', properties: { provisioningState: 'Succeeded' } });
}

function placeForeignAccount({ manager }: Workplace): void {
  const group = `/subscriptions/${manager.subscriptionId}/resourceGroups/warpdrive-forge-rg`;
  manager.place(`${group}/providers/${TYPES.account}/theirs`, {
    location: 'canadacentral',
    kind: 'StorageV2',
    properties: { provisioningState: 'Succeeded' },
  });
}

describe('warpforge-infra teardown', () => {
  it('says that there is nothing, where there is nothing', async () => {
    await using place = await Workplace.open(storage);
    const { code, stdout, stderr } = await place.run(['teardown', '--force']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      `warpforge-infra: nothing in the subscription ${place.manager.subscriptionId} carries the tag warpforge-env=warpdrive-forge; --environment names another one\n`,
    );
  });

  it('shows what would go and deletes nothing with --dry-run, and then deletes just that, roles first', async () => {
    await using place = await Workplace.open(storage);
    await place.succeed(['provision', '--yes']);
    const [names, before] = [place.names(), place.manager.log.length];
    const shown = await place.succeed(['teardown', '--dry-run']);
    expect(shown).toContain('- resource group warpdrive-forge-rg (canadacentral) with all that is in it');
    expect(shown).toContain(`- role Storage Blob Data Reader of ${place.vmPrincipal} on wdforgea`);
    expect(shown).toMatch(/Nothing was deleted \(--dry-run\)\.\n$/);
    const { wouldDelete } = JSON.parse(await place.succeed(['teardown', '--dry-run', '--json'])) as { wouldDelete: { id: string }[] };
    expect(place.writes(before)).toEqual([]);
    expect(place.names()).toEqual(names);

    const { code, stdout, stderr } = await place.runAsProcess(['teardown', '--force', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ environment: 'warpdrive-forge', deleted: wouldDelete });
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^ {4}Authorization\/roleAssignments on wdforgea\w+\/coco2017-wds: deleted in /m);
    expect(place.writes(before).map((write) => write.toLowerCase())).toEqual(wouldDelete.map(({ id }) => `delete ${id.toLowerCase()}`));
    expect(wouldDelete.map(({ id }) => id.includes('/roleAssignments/'))).toEqual([true, true, true, true, false]);
    expect(place.names()).toEqual([]);
    expect([place.file('.warpforge/outputs.json'), place.file('.warpforge/.env.generated')]).toEqual([undefined, undefined]);
    expect(await place.run(['teardown', '--force'])).toMatchObject({ code: 1 });
  });

  it('touches nothing of another environment, and finds its own by name', async () => {
    await using place = await Workplace.open(storage);
    const other = { WARPFORGE_ENVIRONMENT: 'other', RESOURCE_GROUP: 'other-rg', VM_NAME: 'other-vm' };
    await place.succeed(['provision', '--yes', '--output-dir', 'of-other'], other);
    const names = place.names();
    await place.succeed(['provision', '--yes']);
    await place.succeed(['teardown', '--force']);
    expect(place.names()).toEqual(names);
    expect(place.file('of-other/outputs.json')).toBeDefined();
    const shown = await place.succeed(['teardown', '--dry-run', '--environment', 'other']);
    expect(shown).toContain('- resource group other-rg (canadacentral) with all that is in it');
  });

  it('leaves a group that was there before, and what is not its own in it', async () => {
    await using place = await Workplace.open(storage);
    placeForeignGroup(place);
    placeForeignAccount(place);
    const names = place.names();
    await place.succeed(['provision', '--yes']);
    await place.succeed(['teardown', '--force']);
    expect(place.names()).toEqual(names);
  });

  it('leaves its own group where somebody else has put something in it, and names that', async () => {
    await using place = await Workplace.open(storage);
    await place.succeed(['provision', '--yes']);
    placeForeignAccount(place);
    const stdout = await place.succeed(['teardown', '--force']);
    expect(stdout).toContain('The resource group warpdrive-forge-rg stays, for it has what others made: theirs');
    expect(place.names()).toEqual(['resourceGroups warpdrive-forge-rg', 'storageAccounts theirs']);
  });

  it('lists what could not be deleted, and is complete once the reason is mended', async () => {
    await using place = await Workplace.open(storage);
    await place.succeed(['provision', '--yes']);
    const [names, group] = [place.names(), textAt(place.only(TYPES.group), 'id')];
    place.manager.faults.inject({ match: { method: 'DELETE' }, status: 403, code: 'AuthorizationFailed' });
    const forbidden = await place.run(['teardown', '--force']);
    expect(forbidden.code).toBe(1);
    expect(forbidden.stderr).toContain('warpforge-infra: 5 of 5 could not be deleted:\n');
    expect(place.names()).toEqual(names);

    place.manager.faults.clear();
    place.manager.faults.inject({
      match: { method: 'DELETE', path: new RegExp(`${group}$`, 'i') },
      times: 1,
      status: 409,
      code: 'ScopeLocked',
      message: 'The scope is locked.',
    });
    const { code, stdout, stderr } = await place.run(['teardown', '--force']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^warpforge-infra: 1 of 5 could not be deleted:\n {2}warpdrive-forge-rg \(Microsoft\.Resources\/resourceGroups\): .*ScopeLocked: The scope is locked\./,
    );
    expect(stderr).toContain('A lock is in the way: "az lock list" shows it');
    expect(stderr).toMatch(/\nRun the same command again once the reasons are mended\n$/);
    expect(stdout).not.toContain('is gone');
    expect(place.rights()).toEqual([]);
    expect(place.file('.warpforge/outputs.json')).toBeDefined();

    expect(await place.succeed(['teardown', '--force'])).toContain('The environment warpdrive-forge is gone');
    expect(place.names()).toEqual([]);
    expect(place.file('.warpforge/outputs.json')).toBeUndefined();
  });
});
