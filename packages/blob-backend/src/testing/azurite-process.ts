// The child process of `startAzurite`: Azurite's own blob server, and its queue server when it has flags for that, tied to the life of its
// parent. The IPC channel closes when the parent ends in any way, `kill -9` included, and then nothing may stay behind.
import { createRequire } from 'node:module';

const end = (): never => process.exit(0);
process.once('disconnect', end);
if (!process.connected) end();

const load = createRequire(import.meta.url);
const isWithQueues = process.argv.includes('--queuePort');
// A server ends the process at a flag that it does not know; the flags of all servers are these.
if (isWithQueues) load('azurite/dist/src/common/Environment.js');
// A server starts when its module is loaded.
load('azurite/dist/src/blob/main.js');
if (isWithQueues) load('azurite/dist/src/queue/main.js');
