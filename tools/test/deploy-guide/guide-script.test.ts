import { spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandsOf } from '../../deploy-guide/commands.ts';
import { guideScript } from '../../deploy-guide/guide-script.ts';

const DOCUMENT = `# A guide

\`\`\`bash
export WHERE="$(pwd)"   # kept for later
false || test $? -eq 1
az storage blob list --account-name x
\`\`\`

| a | \`first --flag \\| second\`, \`third …\` |

\`\`\`console
$ sudo first --other
what it prints
\`\`\`

\`\`\`yaml
echo: no command
\`\`\`

\`\`\`bash
cd / && echo "in $PWD, was in $WHERE"
\`\`\`

\`\`\`bash
npm run something || echo "$PWD"
\`\`\`

\`\`\`bash
ls /no/such/folder
echo never
\`\`\`
`;

describe('a guide as a script', () => {
  let folder: string;
  let clone: string;
  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "guide's-")));
    clone = realpathSync(mkdtempSync(join(tmpdir(), 'clone-')));
  });
  afterAll(() => [folder, clone].forEach((path) => rmSync(path, { recursive: true })));

  function run(options: { readonly clone?: string } = {}) {
    const { text, leftOut } = guideScript(DOCUMENT, { document: 'guide.md', folder, ...options });
    const { status, stdout, stderr } = spawnSync('bash', ['-c', text], { encoding: 'utf8' });
    return { status, leftOut, said: stdout.split('\n').filter((line) => line !== ''), stderr };
  }

  it('runs every block in one shell, says which command it is at, and ends with the line of the first that fails', () => {
    const { status, leftOut, said, stderr } = run();
    expect(status).toBe(2);
    expect(said).toEqual([
      'guide.md:4: export WHERE="$(pwd)"',
      'guide.md:5: false',
      'guide.md:5: test $? -eq 1',
      'guide.md:21: cd /',
      'guide.md:21: echo "in $PWD, was in $WHERE"',
      `in /, was in ${folder}`,
      'guide.md:29: ls /no/such/folder',
    ]);
    expect(stderr).toContain('guide.md:29: ended with 2: ls /no/such/folder\n');
    expect(leftOut).toEqual(['guide.md:6: az storage blob list --account-name x', 'guide.md:25: npm run something || echo "$PWD"']);
  });

  it("runs the repository's own commands in a clone", () => {
    const { leftOut, said } = run({ clone });
    expect(said).toContain('guide.md:25: npm run something');
    expect(said).toContain(clone);
    expect(leftOut).toHaveLength(1);
  });

  it('has commands in blocks, transcripts and running text', () => {
    expect(commandsOf(DOCUMENT, ['first', 'second', 'third', 'az', 'pwd'])).toEqual([
      { line: 4, words: ['pwd'] },
      { line: 6, words: ['az', 'storage', 'blob', 'list', '--account-name', 'x'] },
      { line: 9, words: ['first', '--flag'] },
      { line: 9, words: ['second'] },
      { line: 12, words: ['first', '--other'] },
    ]);
  });
});
