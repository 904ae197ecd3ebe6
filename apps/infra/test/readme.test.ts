import { readFileSync } from 'node:fs';
import { SETTING_KEYS, SETTINGS } from '@warpforge/azure-infra/settings';
import { describe, expect, it } from 'vitest';
import { warpforgeInfra } from './program.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** Cells of the rows of all tables whose first cell is code, by that code. */
const ROWS = new Map(
  README.split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, name = '', ...cells]) => [name.replaceAll('`', ''), cells.map((cell) => cell.replaceAll('`', ''))]),
);

describe('the README', () => {
  it('tells of every setting its variable, its default and its meaning', () => {
    for (const key of SETTING_KEYS) {
      const { variable, default: fallback, description } = SETTINGS[key];
      expect(ROWS.get(key)?.slice(0, 3), key).toEqual([variable ?? 'only in the file', fallback ?? '', description.replaceAll('`', '')]);
    }
  });

  it('tells of every command, and of no other', async () => {
    const { stdout } = await warpforgeInfra(['--help']);
    const commands = [...stdout.matchAll(/^ {2}([a-z]+) .*\[options\]/gm)].map(([, name = '']) => name).filter((name) => name !== 'help');
    expect(commands.length).toBeGreaterThan(7);
    const told = [...ROWS.keys()].filter((name) => /^[a-z]+( [a-z]+)?$/.test(name) && !SETTING_KEYS.some((key) => key === name));
    for (const command of commands)
      expect(
        told.some((name) => name.split(' ')[0] === command),
        command,
      ).toBe(true);
    for (const name of told) expect(stdout).toContain(`\n  ${name.split(' ')[0] ?? ''} `);
  });
});
