// The child process of `startAzurite`: Azurite's own blob server, tied to the life of its parent. The IPC channel closes when the
// parent ends in any way, `kill -9` included, and then nothing may stay behind.
import { createRequire } from 'node:module';

const end = (): never => process.exit(0);
process.once('disconnect', end);
if (!process.connected) end();

createRequire(import.meta.url)('azurite/dist/src/blob/main.js');
