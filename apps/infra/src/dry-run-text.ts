import type { SetUpCommand } from '@warpforge/azure-infra';

const NOTE = `# Nothing is run. A script goes to the standard input of its ssh, which stays open meanwhile: when it closes, the script ends.\n\n`;

/** Commands as a person would type them, each script between two lines that end it. */
export function dryRunText(commands: readonly SetUpCommand[]): string {
  return NOTE + commands.map(formatCommand).join('\n');
}

function formatCommand({ purpose, command, script }: SetUpCommand): string {
  const line = command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
  return `# ${purpose}\n${line}${script === undefined ? '\n' : ` <<'END_OF_SCRIPT'\n${script}END_OF_SCRIPT\n`}`;
}
