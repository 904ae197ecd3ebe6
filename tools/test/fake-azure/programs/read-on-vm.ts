// Reads the blob on the command line as the mount daemon on the VM does, and prints it.
import { AzureBackend } from '@warpforge/blob-backend';

const [endpoint = '', container = '', blob = ''] = process.argv.slice(2);
await using backend = new AzureBackend({ name: 'vm', account: 'ignored', container, endpoint, auth: { method: 'managed_identity' } });
const { size } = await backend.stat(blob);
for await (const piece of backend.read(blob, { offset: 0, length: size })) process.stdout.write(piece);
