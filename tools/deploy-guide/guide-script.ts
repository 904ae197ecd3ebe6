import { fencedBlocks } from './markdown.ts';

/** A document as a script, and what is not in it. */
export interface GuideScript {
  /** For bash. A command stands on the line on which it stands in the document. */
  readonly text: string;
  /** Commands that are not run, each with its line. */
  readonly leftOut: readonly string[];
}

/** How a document becomes a script. */
export interface GuideScriptOptions {
  /** Name of the document, for messages. */
  readonly document: string;
  /** Folder in which the reader works. */
  readonly folder: string;
  /** Root of a clone of the repository, in which blocks of `npm run` and `npx nx` run; without one they are left out. */
  readonly clone?: string | undefined;
}

/** Prints each command with its line, and which one has failed. `$LINENO` is the line of the document. */
const REPORT = [
  'set -e',
  // A function, in which the commands of the traps themselves are not seen.
  'guide_says() { case $2 in "cd -- "*) ;; "$said") ;; *) said=$2; printf "\\n%s:%s: %s\\n" "$GUIDE" "$1" "$2" ;; esac; }',
  `trap 'printf "%s:%s: ended with %s: %s\\n" "$GUIDE" "$LINENO" "$?" "$BASH_COMMAND" >&2' ERR`,
  `trap 'guide_says "$LINENO" "$BASH_COMMAND"' DEBUG`,
];

/** What the stand-in for the Azure CLI answers; the rest of its commands can only be checked. */
const ANSWERED = /^(login|account show)\b/;

/** All `bash` blocks of a document as one session, which ends at the first command that fails. */
export function guideScript(markdown: string, { document, folder, clone }: GuideScriptOptions): GuideScript {
  const script = markdown.split('\n').map(() => '');
  const leftOut: string[] = [];
  for (const { line, lines } of fencedBlocks(markdown).filter(({ language }) => language === 'bash')) {
    const inClone = lines.some((text) => /^(npm run|npx nx) /.test(text));
    script[line - 1] = `cd -- ${shellWord(inClone ? (clone ?? folder) : folder)}`;
    for (const [index, text] of lines.entries()) {
      const [, az] = /^az (.*)/.exec(text) ?? [];
      if ((az !== undefined && !ANSWERED.test(az)) || (inClone && clone === undefined))
        leftOut.push(`${document}:${line + index + 1}: ${text}`);
      else script[line + index] = text;
    }
  }
  script[0] = [`GUIDE=${shellWord(document)}`, ...REPORT].join('; ');
  return { text: script.join('\n'), leftOut };
}

function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
