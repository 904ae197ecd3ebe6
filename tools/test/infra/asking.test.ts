import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ended } from './running-program.ts';
import { startBlobStorage, textAt, TYPES, Workplace, type BlobStorage } from './workplace.ts';

let storage: BlobStorage;
beforeAll(async () => {
  storage = await startBlobStorage();
});
afterAll(() => storage[Symbol.asyncDispose]());

const ENTER = '\r';
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';

describe('provision', () => {
  const QUESTION = 'Do you want to deploy this? [y/N]';

  it('ends with 2 where nobody can be asked, and names the flag that answers', async () => {
    await using place = await Workplace.open(storage);
    const { code, stdout, stderr } = await place.run(['provision']);
    expect(code).toBe(2);
    expect(stdout).toContain('14 to create');
    expect(stderr).toBe('warpforge-infra: it has to be confirmed, and standard input is no terminal; --yes confirms it\n');
    expect(place.writes()).toEqual([]);
  });

  it.each([
    { what: 'n', keys: `n${ENTER}` },
    { what: 'Ctrl-D', keys: CTRL_D },
  ])('does nothing at $what, and says so', async ({ keys }) => {
    await using place = await Workplace.open(storage);
    await using program = place.startOnTerminal(['provision']);
    await program.printed(QUESTION);
    program.type(keys);
    const { code, stdout } = await program.end;
    expect(code).toBe(1);
    expect(stdout).toContain('warpforge-infra: the answer was not "y", so nothing was changed');
    expect(place.writes()).toEqual([]);
    expect(place.file('.warpforge/outputs.json')).toBeUndefined();
  });

  it('ends at Ctrl-C as shells count it, with nothing done', async () => {
    await using place = await Workplace.open(storage);
    await using program = place.startOnTerminal(['provision']);
    await program.printed(QUESTION);
    program.type(CTRL_C);
    const { code, stdout } = await program.end;
    expect(code).toBe(130);
    expect(stdout).toContain('warpforge-infra: interrupted by SIGINT');
    expect(place.writes()).toEqual([]);
  });

  it('deploys at y, and asks nothing where there is nothing to do', async () => {
    await using place = await Workplace.open(storage);
    await using first = place.startOnTerminal(['provision']);
    await first.printed(QUESTION);
    first.type(`y${ENTER}`);
    expect(await first.end).toMatchObject({ code: 0 });
    expect(place.file('.warpforge/outputs.json')).toContain(place.vmPrincipal);
    await using second = place.startOnTerminal(['provision']);
    const { code, stdout } = await second.end;
    expect(code).toBe(0);
    expect(stdout).not.toContain(QUESTION);
  });

  it('keeps standard output for the result with --json', async () => {
    await using place = await Workplace.open(storage);
    // The shell's redirection is what a person would write.
    await using program = place.startOnTerminal(['provision', '--json'], {}, '> result.json');
    await program.printed(QUESTION);
    program.type(`y${ENTER}`);
    expect(await program.end).toMatchObject({ code: 0 });
    expect(JSON.parse(place.file('result.json') ?? '')).toMatchObject({ vm: { principalId: place.vmPrincipal } });
  });
});

describe('teardown', () => {
  const QUESTION = "Type the environment's name (warpdrive-forge) to delete all of this: ";

  it('deletes nothing until the very name is typed', async () => {
    await using place = await Workplace.open(storage);
    await place.succeed(['provision', '--yes']);
    const [names, before] = [place.names(), place.manager.log.length];
    const answer = async (keys: string): Promise<Ended> => {
      await using program = place.startOnTerminal(['teardown']);
      await program.printed(QUESTION);
      program.type(keys);
      return await program.end;
    };
    const unasked = await place.run(['teardown']);
    expect(unasked.code).toBe(2);
    expect(unasked.stderr).toBe('warpforge-infra: it has to be confirmed, and standard input is no terminal; --force confirms it\n');
    for (const keys of [`y${ENTER}`, `Warpdrive-Forge${ENTER}`, CTRL_D]) {
      const { code, stdout } = await answer(keys);
      expect(code).toBe(1);
      expect(stdout).toContain('warpforge-infra: the name was not typed, so nothing was deleted');
    }
    expect(await answer(CTRL_C)).toMatchObject({ code: 130 });
    expect(place.writes(before)).toEqual([]);
    expect(place.names()).toEqual(names);
    expect(place.file('.warpforge/outputs.json')).toBeDefined();

    const group = textAt(place.only(TYPES.group), 'id');
    const { code, stdout } = await answer(`warpdrive-forge${ENTER}`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/The environment warpdrive-forge is gone, in \S+; \.warpforge\/outputs\.json was removed\./);
    expect(place.names()).toEqual([]);
    expect(place.writes(before).at(-1)?.toLowerCase()).toBe(`delete ${group.toLowerCase()}`);
    expect(place.file('.warpforge/outputs.json')).toBeUndefined();
  });
});
