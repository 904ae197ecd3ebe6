import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DAEMON_AUTH_METHODS, daemonConfig } from '../src/daemon-config.ts';
import type { StorageOutputs } from '../src/outputs.ts';
import { resolveSettings } from '../src/settings/resolve-settings.ts';

/** Step 4 of the deployment guide, with names for the accounts. */
const GUIDE = `mount_point: /wd
allow_other: true

cache:
  path: /tmp/warpdrive-cache
  max_size: 50GB
  block_size: 4MB
  readahead_blocks: 8
  max_parallel_fetch: 32

backends:
  - name: datasets-cac          # Canada Central
    type: azureblob
    mount_path: /datasets-cac
    config:
      account: datacac
      container: coco2017-wds
    auth:
      method: managed_identity   # Uses the VM's system-assigned identity

  - name: datasets-wus3         # West US 3
    type: azureblob
    mount_path: /datasets-wus3
    config:
      account: datawus3
      container: coco2017-wds
    auth:
      method: managed_identity
`;

const { mount } = resolveSettings({ flags: {}, environment: {} }).settings;
const at = (account: string, location: string): StorageOutputs => ({
  account,
  location,
  container: 'coco2017-wds',
  endpoint: `https://${account}.blob.core.windows.net`,
});
const storage = { a: at('datacac', 'canadacentral'), b: at('datawus3', 'westus3') };

const file = (name: string): string => fileURLToPath(new URL(`../../../apps/mount/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'warpforge-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the daemon's configuration", () => {
  it("is the deployment guide's", () => {
    expect(daemonConfig({ storage, mount })).toBe(GUIDE);
  });

  it('names backends for their regions, and tells two in one region apart', () => {
    const names = (a: string, b: string) => {
      const config: unknown = parse(daemonConfig({ storage: { a: at('one', a), b: at('two', b) }, mount }));
      return config;
    };
    expect(names('eastus', 'newregion9')).toMatchObject({
      backends: [
        { name: 'datasets-eus', mount_path: '/datasets-eus' },
        { name: 'datasets-newregion9', mount_path: '/datasets-newregion9' },
      ],
    });
    expect(names('eastus', 'eastus')).toMatchObject({ backends: [{ name: 'datasets-eus-a' }, { name: 'datasets-eus-b' }] });
  });

  it('has an endpoint only where it is another than usual', () => {
    const b = { ...storage.b, endpoint: 'https://127.0.0.1:10000/datawus3' };
    expect(parse(daemonConfig({ storage: { a: storage.a, b }, mount }))).toMatchObject({
      backends: [{ config: { account: 'datacac', container: 'coco2017-wds' } }, { config: { endpoint: b.endpoint } }],
    });
    expect(daemonConfig({ storage, mount })).not.toContain('endpoint');
  });

  it("is valid by the daemon's own schema, whatever the settings are", () => {
    const schema = JSON.parse(readFileSync(file('config.schema.json'), 'utf8')) as object;
    const validate = new Ajv2020({ strict: false }).compile(schema);
    const name = fc.stringMatching(/^[a-z0-9]{3,24}$/);
    fc.assert(
      fc.property(name, name, fc.constantFrom(...DAEMON_AUTH_METHODS), fc.boolean(), (one, container, auth, allowOther) => {
        const a = { ...at(one, 'eastus'), container };
        const config: unknown = parse(daemonConfig({ storage: { a, b: storage.b }, mount, auth, allowOther }));
        expect(validate(config), JSON.stringify(validate.errors)).toBe(true);
        expect(config).toMatchObject({
          allow_other: allowOther,
          backends: [{ config: { account: one, container }, auth: { method: auth } }, {}],
        });
      }),
    );
    expect(validate(parse(GUIDE.replace('managed_identity', 'password')))).toBe(false);
  });

  it('is taken by the daemon itself', () => {
    // With nothing mounted the answer is that no daemon serves it (1); a configuration that is refused would be wrong usage (2).
    const status = (text: string) => {
      const path = join(folder, 'config.yaml');
      writeFileSync(path, text);
      return spawnSync(process.execPath, [file('bin/warpdrive.mjs'), 'status', '--config', path], { encoding: 'utf8' });
    };
    const ours = status(daemonConfig({ storage, mount: { ...mount, cachePath: join(folder, 'cache') } }));
    expect(ours).toMatchObject({ status: 1, stdout: '' });
    expect(ours.stderr).toContain('no warpdrive');
    expect(status(GUIDE.replace('4MB', '5MB'))).toMatchObject({ status: 2 });
  });
});
