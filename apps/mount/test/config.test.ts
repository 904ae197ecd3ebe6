import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ConfigError } from '../src/config/errors.ts';
import { loadConfig, parseConfig, type LoadOptions } from '../src/config/load.ts';
import { configSchema, type Config } from '../src/config/schema.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** The configuration of the deployment guide. */
const GUIDE = `
mount_point: /wd
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
      account: <STORAGE_ACCOUNT_A>
      container: coco2017-wds
    auth:
      method: managed_identity   # Uses the VM's system-assigned identity

  - name: datasets-wus3         # West US 3
    type: azureblob
    mount_path: /datasets-wus3
    config:
      account: <STORAGE_ACCOUNT_B>
      container: coco2017-wds
    auth:
      method: managed_identity
`;

function parse(source: string, options: LoadOptions = { env: {} }): Config {
  return parseConfig(source, 'config.yaml', options);
}

/** The faults of a bad configuration as `line:column key: message`. */
function faults(source: string, options?: LoadOptions): string[] {
  try {
    parse(source, options);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ line, column, key, message }) => `${line ?? '-'}:${column ?? '-'} ${key}: ${message}`);
  }
  return [];
}

/** A valid file with one Azure backend whose `auth` is given in YAML flow style. */
const withAuth = (auth: string): string => `backends: [{name: a, type: azureblob, config: {account: acc, container: data}, auth: ${auth}}]`;
const LOCAL = 'backends: [{name: a, type: local, config: {path: /data}}]';

describe('the configuration', () => {
  it('takes the file of the deployment guide unchanged', () => {
    expect(parse(GUIDE)).toEqual({
      mount_point: '/wd',
      allow_other: true,
      cache: {
        path: '/tmp/warpdrive-cache',
        max_size: 50 * GIB,
        min_free_space: 0,
        block_size: 4 * MIB,
        readahead_blocks: 8,
        max_parallel_fetch: 32,
        stale_ttl: 60_000,
        stale_if_error: 86_400_000,
        evict_high_water: 0.9,
        evict_low_water: 0.8,
      },
      fuse: { transport: 'auto', passthrough: 'auto' },
      backends: [
        {
          name: 'datasets-cac',
          type: 'azureblob',
          mount_path: '/datasets-cac',
          config: { account: '<STORAGE_ACCOUNT_A>', container: 'coco2017-wds' },
          auth: { method: 'managed_identity' },
        },
        {
          name: 'datasets-wus3',
          type: 'azureblob',
          mount_path: '/datasets-wus3',
          config: { account: '<STORAGE_ACCOUNT_B>', container: 'coco2017-wds' },
          auth: { method: 'managed_identity' },
        },
      ],
      metrics: { enabled: true, addr: { host: '127.0.0.1', port: 9090 } },
      log: { level: 'info', format: 'text' },
    });
  });

  it('needs nothing but backends, and mounts each under its name', () => {
    const config = parse(`${LOCAL}\n`);
    expect(config.mount_point).toBe('/wd');
    expect(config.cache.path).toBe('/var/cache/warpdrive');
    expect(config.backends[0]?.mount_path).toBe('/a');
  });

  it('expands ${VAR} in values, numbers too, and leaves $VAR and keys alone', () => {
    const env = { ACCOUNT: '123456', N: '16', SIZE: '1GB', OTHER: 'false', PLACE: 'x' };
    const source = `
allow_other: \${OTHER}
cache: {max_size: "\${SIZE}", readahead_blocks: "\${N}", path: "/c/$PLACE/\${PLACE}"}
backends: [{name: a, type: azureblob, config: {account: "\${ACCOUNT}", container: data}}]`;
    const config = parse(source, { env });
    expect(config.allow_other).toBe(false);
    expect(config.cache).toMatchObject({ max_size: GIB, readahead_blocks: 16, path: '/c/$PLACE/x' });
    expect(config.backends[0]?.config).toEqual({ account: '123456', container: 'data' });
  });

  it('names an unset or misspelt variable, with its place, and does not complain about the value again', () => {
    const source = `cache:\n  max_size: \${NOT_SET}\n  path: /c/\${BAD-NAME}/\${OPEN\n${LOCAL}`;
    expect(faults(source)).toEqual([
      '2:13 cache.max_size: the environment variable NOT_SET is not set',
      '3:9 cache.path: "${BAD-NAME}" is not ${NAME} of an environment variable',
      '3:9 cache.path: "${OPEN" is not ${NAME} of an environment variable',
    ]);
  });

  it('reports every fault at once, each with key, line and column, and the nearest key', () => {
    const source = `mount_pont: /wd
allow_other: maybe
cache:
  path: relative/cache
  block_size: 3MB
  evict_high_water: 0.5
  evict_low_water: 0.6
  stale_ttl: 5 years
  colour: red
backends:
  - name: a
    type: azureblob
    config:
      container: UPPER
      acount: x
  - name: a
    type: s3
  - name: b
    type: local
    config: {path: /wd/x}
    auth: {method: default}
`;
    expect(faults(source)).toEqual([
      '1:1 mount_pont: unknown key; did you mean "mount_point"?',
      '2:1 allow_other: expected true or false, got "maybe"',
      '4:3 cache.path: expected an absolute path, got "relative/cache"',
      '5:3 cache.block_size: expected a power of two from 128KB to 64MB, got "3MB"',
      '7:3 cache.evict_low_water: must be less than evict_high_water (0.5)',
      '8:3 cache.stale_ttl: expected a duration such as 500ms, 30s, 5m or 24h, got "5 years"',
      expect.stringMatching(/^9:3 cache\.colour: unknown key; known here: path, max_size, /),
      '13:5 backends[0].config.account: expected the name of a storage account, got nothing',
      '14:7 backends[0].config.container: expected 3 to 63 lower-case letters, digits and single dashes',
      '15:7 backends[0].config.acount: unknown key; did you mean "account"?',
      '16:5 backends[1].name: "a" is the name of backends[0] already',
      '17:5 backends[1].type: expected type: azureblob or local',
      '20:14 backends[2].config.path: must not lie below the mount point /wd',
      expect.stringMatching(/^21:5 backends\[2\]\.auth: unknown key; known here: name, /),
    ]);
  });

  it('puts all faults with file, line and column into one message', () => {
    expect(() => parse('cache: {max_size: x, block_size: y}\nbackends: []')).toThrow(
      [
        'the configuration has 3 faults:',
        '  config.yaml:1:9: cache.max_size: expected a size of at least 1MB, such as 50GB, got "x"',
        '  config.yaml:1:22: cache.block_size: expected a power of two from 128KB to 64MB, got "y"',
        '  config.yaml:2:1: backends: expected at least one backend',
      ].join('\n'),
    );
  });

  it.each([
    ['an empty file', '', ['-:- : the file is empty; it needs at least backends']],
    ['only comments', '# nothing\n', ['-:- : the file is empty; it needs at least backends']],
    ['a YAML syntax error', 'cache: {path: /c\nbackends: []\n', [expect.stringMatching(/^2:\d+ : /)]],
    ['a key twice', 'mount_point: /a\nmount_point: /b\n', ['2:1 : Map keys must be unique']],
    ['a list where keys belong', '- a\n', [expect.stringMatching(/^1:1 : expected keys \(mount_point, /)]],
    ['a text where keys belong', 'cache\n', [expect.stringMatching(/^1:1 : expected keys .* got "cache"$/)]],
    ['no backends', 'mount_point: /m\n', ['1:1 backends: expected a list of backends']],
  ])('has one clear message for %s', (_what, source, expected) => {
    expect(faults(source)).toEqual(expected);
  });

  it.each([
    ['mount_point: /\n', '1:1 mount_point: must not be the root directory'],
    ['mount_point: /m\ncache: {path: /m/cache}\n', '2:9 cache.path: must not lie below the mount point /m'],
    ['mount_point: /c/m\ncache: {path: /c}\n', '1:1 mount_point: must not lie below the cache directory /c'],
    ['umask: 9\n', '1:1 umask: expected octal digits from 0 to 777, such as 022, got 9'],
    ['cache: {max_size: 1KB}\n', '1:9 cache.max_size: expected a size of at least 1MB, such as 50GB, got "1KB"'],
    ['cache: {max_size: 15MB}\n', '1:9 cache.max_size: must be at least 4 times block_size'],
    ['cache: {evict_high_water: 1.5}\n', '1:9 cache.evict_high_water: expected a number above 0 and up to 1, got 1.5'],
    ['cache: {readahead_blocks: -1}\n', '1:9 cache.readahead_blocks: expected a whole number from 0 to 1024, got -1'],
    ['fuse: {passthrough: yes}\n', '1:8 fuse.passthrough: expected one of auto, off, got "yes"'],
    ['metrics: {addr: 9090}\n', '1:11 metrics.addr: expected an address such as 127.0.0.1:9090, got 9090'],
    ['log: {level: loud}\n', '1:7 log.level: expected one of debug, info, warn, error, got "loud"'],
  ])('refuses %j', (source, expected) => {
    expect(faults(source + LOCAL)).toEqual([expected]);
  });

  it('does not take one mount path twice, reserved names, or paths that are none; nested ones it does', () => {
    const backends = (paths: string[]): string =>
      `backends: [${paths.map((path, index) => `{name: b${index}, type: local, mount_path: "${path}", config: {path: /data}}`).join(', ')}]`;
    expect(faults(backends(['/a', '/b', '/a/']))).toEqual([
      expect.stringMatching(/backends\[2\]\.mount_path: \/a is the mount_path of backends\[0\] already$/),
    ]);
    for (const bad of ['a', '/a//b', '/a/../b', '/.warpdrive', '/.warpdrive/x', `/${'x'.repeat(256)}`]) {
      expect(faults(backends([bad])), bad).toHaveLength(1);
    }
    const good = ['/', '/a/b/', '/a', '/ab'];
    expect(parse(backends(good)).backends.map((backend) => backend.mount_path)).toEqual(['/', '/a/b', '/a', '/ab']);
  });

  it('reads octal digits as they are written', () => {
    for (const text of ['022', '"022"', '0o22', '22']) expect(parse(`umask: ${text}\n${LOCAL}`).umask, text).toBe(0o22);
  });

  it('takes a prefix as a folder', () => {
    const source = (prefix: string): string =>
      `backends: [{name: a, type: azureblob, config: {account: acc, container: data, prefix: ${prefix}}}]`;
    expect(parse(source('train')).backends[0]?.config).toMatchObject({ prefix: 'train/' });
    expect(parse(source('train/')).backends[0]?.config).toMatchObject({ prefix: 'train/' });
    expect(faults(source('/train'))).toHaveLength(1);
  });
});

describe('secrets in the configuration', () => {
  it.each([
    ['{method: managed_identity, client_id: x}'],
    ['{method: workload_identity, client_id: x, tenant_id: y, token_file: /t}'],
    ['{method: service_principal, tenant_id: t, client_id: c, client_secret_env: S}'],
    ['{method: service_principal, tenant_id: t, client_id: c, client_secret_file: /run/secret}'],
    ['{method: azure_cli}'],
    ['{method: default}'],
    ['{method: shared_key, account_key_env: K}'],
    ['{method: sas, sas_file: /run/sas}'],
    ['{method: connection_string, connection_string_env: C}'],
    ['{method: anonymous}'],
  ])('takes auth %s', (auth) => {
    expect(parse(withAuth(auth)).backends[0]).toHaveProperty('auth.method');
  });

  const SECRET = 'c2VjcmV0LXZhbHVlLW9mLWEta2V5Cg==';
  it.each([
    [`{method: shared_key, account_key: ${SECRET}}`, /account_key: a secret must not stand .* account_key_env or account_key_file$/],
    [`{method: sas, sas: "sv=1&sig=${SECRET}"}`, /sas: a secret must not stand .* sas_env or sas_file$/],
    [`{method: sas, sas_token: "sv=1&sig=${SECRET}"}`, /sas_token: a secret must not stand/],
    [`{method: connection_string, connection_string: "AccountKey=${SECRET}"}`, /connection_string_env or connection_string_file$/],
    [`{method: service_principal, tenant_id: t, client_id: c, client_secret: ${SECRET}}`, /client_secret_env or client_secret_file$/],
    [
      `{method: shared_key, account_key_env: ${SECRET}}`,
      /account_key_env: expected the name of an environment variable \(the name, not the secret\)$/,
    ],
    [`{method: sas, sas_file: "?sv=1&sig=${SECRET}"}`, /sas_file: expected the absolute path of a file \(the path, not the secret\)$/],
  ])('are refused with what to use instead, and never repeated', (auth, expected) => {
    const messages = faults(withAuth(auth));
    expect(messages.some((message) => expected.test(message))).toBe(true);
    expect(messages.join()).not.toContain(SECRET);
  });

  it('are refused in an endpoint', () => {
    const source = `backends: [{name: a, type: azureblob, config: {account: acc, container: data, endpoint: "https://acc.example/?sig=${SECRET}"}}]`;
    expect(faults(source)).toEqual([expect.stringMatching(/endpoint: expected a URL without query .* auth\.sas_env or auth\.sas_file$/)]);
    expect(faults(source).join()).not.toContain(SECRET);
  });

  it.each([
    ['{method: shared_key}', 'account_key_env or account_key_file is missing'],
    ['{method: sas, sas_env: S, sas_file: /s}', 'sas_env and sas_file exclude each other'],
    [
      '{method: magic}',
      'expected a method: managed_identity, workload_identity, service_principal, azure_cli, default, shared_key, sas, connection_string or anonymous',
    ],
  ])('%s: %s', (auth, message) => {
    const [only, ...more] = faults(withAuth(auth));
    expect(more).toEqual([]);
    expect(only?.endsWith(`: ${message}`)).toBe(true);
  });
});

describe('loadConfig', () => {
  it('reads a file and lets options of the command line replace keys', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mount-config-'));
    try {
      const path = join(folder, 'config.yaml');
      await writeFile(path, `mount_point: /from-file\n${LOCAL}\n`);
      const config = await loadConfig(path, {
        overrides: [
          { key: ['mount_point'], value: '/from-option', option: '--mount-point' },
          { key: ['cache', 'path'], value: '/cache-option', option: '--cache-path' },
        ],
      });
      expect(config.mount_point).toBe('/from-option');
      expect(config.cache.path).toBe('/cache-option');
      await expect(
        loadConfig(path, { overrides: [{ key: ['metrics', 'addr'], value: 'nowhere', option: '--metrics-addr' }] }),
      ).rejects.toThrow('--metrics-addr: expected an address such as 127.0.0.1:9090, got "nowhere"');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('says that there is no such file, and which option names another', async () => {
    await expect(loadConfig('/nonexistent/config.yaml')).rejects.toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: 'cannot read the configuration /nonexistent/config.yaml: there is no such file. Name another one with --config',
    });
    await expect(loadConfig('/')).rejects.toMatchObject({ code: 'CONFIG_UNREADABLE' });
  });

  it('fails with a ConfigError, never otherwise, whatever the text is', () => {
    const word = fc.constantFrom(
      'backends',
      'cache',
      'auth',
      'name',
      'type',
      'azureblob',
      'local',
      'config',
      ':',
      '-',
      '\n',
      '  ',
      '{',
      '}',
      '[',
      ']',
      '${X}',
      '&a',
      '*a',
      '1',
      '"',
      '!!x',
      '|',
      '? ',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word, { maxLength: 30 }).map((words) => words.join(' ')),
        ),
        (source) => {
          try {
            parse(source);
          } catch (error) {
            expect(error).toBeInstanceOf(ConfigError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('config.schema.json', () => {
  it('is what the schema generates; write it anew with: warpdrive schema > apps/mount/config.schema.json', async () => {
    const committed: unknown = JSON.parse(await readFile(new URL('../config.schema.json', import.meta.url), 'utf8'));
    expect(committed).toEqual(z.toJSONSchema(configSchema, { io: 'input' }));
  });
});

describe('the README', () => {
  it('has every key of the configuration and its default, and no other', async () => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const table = /\| key +\| default[^\n]*\n\|[-| ]+\n((?:\|[^\n]*\n)+)/.exec(readme)?.[1] ?? '';
    const documented = new Map(
      table.split('\n').flatMap((row) => {
        const [, keys = '', defaults = ''] = row.split('|');
        const values = [...defaults.matchAll(/`([^`]*)`/g)].map(([, value = '']) => value);
        return [...keys.matchAll(/`([^`]*)`/g)].map(([, key = ''], index) => [key, values[index]] as const);
      }),
    );
    const keys = new Map<string, string | undefined>();
    const { properties } = z.toJSONSchema(configSchema, { io: 'input' });
    for (const [name, schema] of Object.entries(properties ?? {})) {
      if (typeof schema !== 'object' || name === 'backends') continue;
      const inner = Object.entries(schema.properties ?? {}).map(([key, value]) => [`${name}.${key}`, value] as const);
      for (const [key, value] of inner.length > 0 ? inner : [[name, schema] as const]) {
        keys.set(
          key,
          typeof value === 'object' && value.default !== undefined ? JSON.stringify(value.default).replaceAll('"', '') : undefined,
        );
      }
    }
    expect([...documented.keys()].sort()).toEqual([...keys.keys()].sort());
    for (const [key, value] of keys) {
      if (value !== undefined && !Number.isNaN(Number(value)) && value !== '') expect(Number(documented.get(key)), key).toBe(Number(value));
      else if (value !== undefined) expect(documented.get(key), key).toBe(value);
    }
  });
});
