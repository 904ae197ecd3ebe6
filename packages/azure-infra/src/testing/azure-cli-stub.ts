import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shellWord } from './shell-word.ts';
import { issueToken } from './tokens.ts';

/** Who is signed in, and where the stub goes. */
export interface AzureCliStubOptions {
  /** Folder for `az`, made if missing; it belongs first on `PATH`. */
  readonly directory: string;
  readonly tenantId: string;
  readonly subscriptionId: string;
  /** The signed-in person: object id, principal name, and the address that the person's requests come from. */
  readonly user: { readonly objectId: string; readonly name: string; readonly address?: string };
  /** Base URL of the double of Resource Manager; a token for it is one for Resource Manager. Default: only Azure's own is known. */
  readonly resourceManagerEndpoint?: string;
  /** Wall clock, in milliseconds. Default `Date.now`. */
  readonly now?: () => number;
}

/** The stub makes no tokens while it runs: they must outlast whatever uses it. The real ones live for about an hour. */
const TOKEN_LIFE_MS = 30 * 24 * 60 * 60 * 1000;

const RESOURCE_MANAGER = 'https://management.azure.com';
/** The services that tokens are made out to; of those that a real directory knows, this product needs no other. */
const AUDIENCES = [RESOURCE_MANAGER, 'https://management.core.windows.net', 'https://storage.azure.com'];

/**
 * Writes an executable `az` that answers `az version`, `az login`, `az account show` and `az account get-access-token` for a signed-in user, so that
 * `AzureCliCredential` works without Azure. POSIX shell only. Returns the path.
 *
 * Its output is what https://learn.microsoft.com/cli/azure/account describes.
 */
export async function writeAzureCliStub(options: AzureCliStubOptions): Promise<string> {
  const file = join(options.directory, 'az');
  await mkdir(options.directory, { recursive: true });
  await writeFile(file, script(options), { mode: 0o700 });
  return file;
}

function script({ tenantId, subscriptionId, user, resourceManagerEndpoint, now = Date.now }: AzureCliStubOptions): string {
  const issuedAt = new Date(now());
  const expiresAt = new Date(now() + TOKEN_LIFE_MS);
  const token = (audience: string): string => issueToken({ ...user, kind: 'user', tenantId, audience, issuedAt, expiresAt });
  const tokens = AUDIENCES.map((audience) => [audience, token(audience)]);
  if (resourceManagerEndpoint !== undefined) tokens.push([resourceManagerEndpoint, token(RESOURCE_MANAGER)]);
  const account = {
    environmentName: 'AzureCloud',
    id: subscriptionId,
    isDefault: true,
    name: 'Fake subscription',
    state: 'Enabled',
    tenantId,
    user: { name: user.name, type: 'user' },
  };
  const answer = {
    accessToken: '@TOKEN@',
    expiresOn: expiresAt.toISOString().replace('T', ' ').replace('Z', '000'),
    expires_on: Math.floor(expiresAt.getTime() / 1000),
    subscription: subscriptionId,
    tenant: tenantId,
    tokenType: 'Bearer',
  };
  return `#!/bin/sh
# Stands in for the Azure CLI of a person who is signed in. The tokens are unsigned: Azure itself refuses them.
fail() { echo "ERROR: $1" >&2; exit "\${2:-1}"; }

command="$1 $2"
case "$1" in version | login) command=$1 ;; esac
resource=https://management.core.windows.net
query='' output=json
while [ $# -gt 0 ]; do
  case "$1" in
    --resource | --scope) resource=\${2%/.default} resource=\${resource%/} ;;
    --subscription) [ "$2" = ${shellWord(subscriptionId)} ] || fail "Subscription '$2' not found. Check the spelling and casing and try again." ;;
    --tenant) [ "$2" = ${shellWord(tenantId)} ] || fail "Tenant '$2' is not the one that you are signed in to." ;;
    --query) query=$2 ;;
    --output | -o) output=$2 ;;
    -*) fail "unrecognized arguments: $1" 2 ;;
    *) shift; continue ;;
  esac
  [ $# -ge 2 ] || fail "argument $1: expected one argument" 2
  shift 2
done

case "$command/$output/$query" in
  version/json/) printf '%s\\n' '{ "azure-cli": "2.80.0", "azure-cli-core": "2.80.0", "extensions": {} }' ;;
  login/json/) printf '%s\\n' ${shellWord(JSON.stringify([account], undefined, 2))} ;;
  'account show/json/') printf '%s\\n' ${shellWord(JSON.stringify(account, undefined, 2))} ;;
  'account show/tsv/id') printf '%s\\n' ${shellWord(subscriptionId)} ;;
  'account show/tsv/tenantId') printf '%s\\n' ${shellWord(tenantId)} ;;
  'account show/tsv/user.name') printf '%s\\n' ${shellWord(user.name)} ;;
  'account get-access-token/json/')
    case "$resource" in
${tokens.map(([resource = '', value = '']) => `      ${shellWord(resource)}) token=${value} ;;`).join('\n')}
      *) fail "AADSTS500011: The resource principal named $resource was not found in the tenant." ;;
    esac
    printf '%s\\n' ${shellWord(JSON.stringify(answer, undefined, 2)).replace('@TOKEN@', '\'"$token"\'')} ;;
  *) fail "this stand-in for the Azure CLI does not know: az $command (output $output, query '$query')" 2 ;;
esac
`;
}
