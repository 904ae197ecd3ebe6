import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { describeMounted } from './fixtures/availability.ts';
import { sharedClient } from './fixtures/client.ts';
import { MountPoint, TemporaryFolder } from './fixtures/place.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

describeMounted('the example of the README', () => {
  it('runs as it is written, apart from its paths, and ends with SIGTERM', async () => {
    using folder = new TemporaryFolder();
    await using place = new MountPoint();
    mkdirSync(`${folder.path}/pictures`);
    writeFileSync(`${folder.path}/pictures/cat.jpg`, 'a cat');
    const example = /```ts\n(.*?)```/s.exec(README)?.[1] ?? '';
    const paths = { '/srv/pictures': `${folder.path}/pictures`, '/var/cache/example': `${folder.path}/cache`, '/mnt/example': place.path };
    const script = Object.entries(paths).reduce((text, [from, to]) => text.replace(from, to), example);
    const file = `${folder.path}/example.ts`;
    writeFileSync(file, script);
    symlinkSync(fileURLToPath(new URL('../../../node_modules', import.meta.url)), `${folder.path}/node_modules`);
    const daemon = spawn(process.execPath, [...process.execArgv, file], { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(daemon, 'exit');
    const [line] = (await Promise.race([once(daemon.stdout.setEncoding('utf8'), 'data'), exited])) as unknown[];
    expect(String(line)).toMatch(`mounted on ${place.path}, passthrough: `);
    expect(await sharedClient().readFile(`${place.path}/pictures/cat.jpg`)).toEqual(Buffer.from('a cat'));
    daemon.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(place.mounts).toEqual([]);
  });
});
