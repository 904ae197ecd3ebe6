import { startAzurite, type AzuriteAccount } from '@warpforge/blob-backend/testing';
import type { JobContext } from '../job-context.ts';

/** Region of each account; Azurite knows no regions, so the accounts carry their names. */
export const REGIONS = ['canadacentral', 'westus3'] as const;

/** One of the two regions. */
export type Region = (typeof REGIONS)[number];

/** Two storage accounts that answer on this machine. Disposing stops the server. */
export interface Storage extends AsyncDisposable {
  readonly accounts: Readonly<Record<Region, AzuriteAccount>>;
  /** Folder with the server's data. */
  readonly folder: string;
}

/** Starts Azurite with one account for each region, on a free port, with its data in the work folder. */
export async function startStorage({ supervisor, terminal, work }: JobContext): Promise<Storage> {
  const folder = await work.folder('azurite');
  const azurite = await startAzurite({ accounts: REGIONS.map((name) => ({ name })), directory: folder, signal: supervisor.signal });
  const watched = supervisor.watch('azurite', azurite.closed);
  const [canadacentral, westus3] = azurite.accounts;
  if (canadacentral === undefined || westus3 === undefined) throw new Error('azurite serves fewer accounts than asked for');
  for (const account of azurite.accounts) terminal.detail(`${account.name.padEnd(14)} ${account.blobEndpoint}`);
  return {
    accounts: { canadacentral, westus3 },
    folder,
    async [Symbol.asyncDispose]() {
      watched.stopping();
      await azurite[Symbol.asyncDispose]();
    },
  };
}
