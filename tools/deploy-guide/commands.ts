import { fencedBlocks, inlineCode } from './markdown.ts';

/** A command of a document. */
export interface Command {
  /** Line of the document. */
  readonly line: number;
  /** Program and arguments, without quotes; variables stand as they are. */
  readonly words: readonly string[];
}

/** Commands that run another one. */
const RUNNERS = ['sudo', 'npx', 'watch'];

/**
 * All commands of some programs in a document: in blocks for a shell, in transcripts after `$`, and in inline code. What stands for
 * something else (`…`) is left out.
 */
export function commandsOf(markdown: string, programs: readonly string[]): Command[] {
  const texts = inlineCode(markdown);
  for (const { language, line, lines } of fencedBlocks(markdown)) {
    for (const [index, text] of lines.entries()) {
      if (language === 'bash') texts.push({ line: line + index + 1, text });
      if (language === 'console' && text.startsWith('$ ')) texts.push({ line: line + index + 1, text: text.slice(2) });
    }
  }
  return texts
    .flatMap(({ line, text }) => simpleCommands(text).map((words) => ({ line, words })))
    .map(({ line, words }) => ({ line, words: words.slice(words.findIndex((word) => !RUNNERS.includes(word))) }))
    .filter(({ words }) => programs.includes(words[0] ?? '') && !words.some((word) => word.includes('…')))
    .toSorted((a, b) => a.line - b.line);
}

/** The words of each command of a line of shell, those of `$(…)` among them. Enough of the shell's grammar for a document. */
function simpleCommands(line: string): string[][] {
  const inner = [...line.matchAll(/\$\(([^()]*)\)/g)].flatMap(([, text = '']) => simpleCommands(text));
  const outer = line.replace(/\$\([^()]*\)/g, '$SUBSTITUTED').replace(/(^|\s)#.*/, '');
  const commands: string[][] = [[]];
  for (const [token] of outer.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'|&;<>])+|[|&;]+|[<>]+/g)) {
    if (/^[|&;]/.test(token)) commands.push([]);
    else commands.at(-1)?.push(token.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'));
  }
  return [...inner, ...commands.filter((words) => words.length > 0)];
}
