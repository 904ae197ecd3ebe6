import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeAzureCliStub } from '../../src/testing/azure-cli-stub.ts';
import { readToken } from '../../src/testing/tokens.ts';
import { itWith } from '../machine/fixtures/availability.ts';
import { printToken } from './print-token.ts';

const TENANT = 'ab1f708d-50f6-404c-a006-d71b2ac7a606';
const SUBSCRIPTION = '0f8d5a1c-1111-4222-8333-944455566677';
const USER = { objectId: '11059fcc-5514-4800-b5f8-49808b9cfab6', name: "o'hara@example.com", address: '203.0.113.7' };
const ENDPOINT = 'https://127.0.0.1:4444';

describe('azure cli stub', () => {
  let directory: string;
  let az: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'azure-cli-test-'));
    az = await writeAzureCliStub({
      directory: join(directory, 'bin'),
      tenantId: TENANT,
      subscriptionId: SUBSCRIPTION,
      user: USER,
      resourceManagerEndpoint: ENDPOINT,
    });
  });
  afterAll(() => rm(directory, { recursive: true }));

  const run = async (...args: string[]): Promise<string> => (await promisify(execFile)(az, args)).stdout;

  it.each(['https://management.azure.com', 'https://storage.azure.com'])('signs the default credential in to %s', async (audience) => {
    const token = await printToken(`${audience}/.default`, {
      AZURE_TOKEN_CREDENTIALS: 'AzureCliCredential',
      PATH: `${dirname(az)}:/usr/bin:/bin`,
    });
    expect(readToken(`Bearer ${token}`)).toMatchObject({ ...USER, kind: 'user', tenantId: TENANT, audience });
  });

  it('gives a token for Resource Manager at the place where its double is', async () => {
    const { accessToken = '' } = JSON.parse(await run('account', 'get-access-token', '--resource', ENDPOINT)) as Record<string, string>;
    expect(readToken(`Bearer ${accessToken}`)?.audience).toBe('https://management.azure.com');
  });

  it('gives the same token for a resource, a resource with a slash and a scope', async () => {
    const answers = await Promise.all([
      run('account', 'get-access-token', '--output', 'json', '--resource', 'https://storage.azure.com'),
      run('account', 'get-access-token', '--resource', 'https://storage.azure.com/', '-o', 'json', '--tenant', TENANT),
      run('account', 'get-access-token', '--scope', 'https://storage.azure.com/.default', '--subscription', SUBSCRIPTION),
    ]);
    expect(new Set(answers).size).toBe(1);
    const answer = JSON.parse(answers[0]) as Record<string, string>;
    const token = readToken(`Bearer ${answer['accessToken'] ?? ''}`);
    expect(token?.expiresAt.getTime()).toBe(Number(answer['expires_on']) * 1000);
    expect(new Date(`${answer['expiresOn'] ?? ''}Z`).getTime()).toBeGreaterThanOrEqual(Number(answer['expires_on']) * 1000);
    expect(answer).toMatchObject({ tokenType: 'Bearer', subscription: SUBSCRIPTION, tenant: TENANT });
  });

  it('tells its version and the account', async () => {
    expect(JSON.parse(await run('version'))).toHaveProperty('azure-cli');
    expect(JSON.parse(await run('account', 'show'))).toMatchObject({ id: SUBSCRIPTION, tenantId: TENANT, user: { name: USER.name } });
    expect(await run('account', 'show', '--query', 'id', '-o', 'tsv')).toBe(`${SUBSCRIPTION}\n`);
    expect(await run('account', 'show', '--query', 'user.name', '-o', 'tsv')).toBe(`${USER.name}\n`);
  });

  it.each([
    [['account', 'get-access-token', '--resource', 'https://example.com'], 1, /AADSTS500011.*https:\/\/example\.com/],
    [['account', 'show', '--subscription', TENANT], 1, /Subscription '.*' not found/],
    [['account', 'get-access-token', '--tenant', SUBSCRIPTION], 1, /Tenant '.*' is not the one/],
    [['account', 'show', '--query'], 2, /argument --query: expected one argument/],
    [['account', 'show', '--colour', 'red'], 2, /unrecognized arguments: --colour/],
    [['group', 'delete'], 2, /does not know: az group delete/],
  ])('fails for %j', async (args, code, message) => {
    await expect(run(...args)).rejects.toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) as string });
  });

  it('can be read by its owner alone', async () => {
    expect((await stat(az)).mode & 0o777).toBe(0o700);
  });

  itWith(['shellcheck'], 'is a clean POSIX script', () => {
    execFileSync('shellcheck', ['--shell', 'sh', az]);
  });
});
