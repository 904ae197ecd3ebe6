// Starts Azurite, says its pid, and waits to be killed.
import { startAzurite } from '../../src/testing/testing.ts';

const azurite = await startAzurite({ accounts: [{ name: 'orphan' }] });
process.stdout.write(`${String(azurite.pid)}\n`);
await azurite.closed;
