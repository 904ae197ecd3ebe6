/** A fenced block of a Markdown document. */
export interface FencedBlock {
  /** What the fence names: `bash`, `console`, `yaml`. */
  readonly language: string;
  /** Number of the line of the opening fence; the document's first line is 1. */
  readonly line: number;
  readonly lines: readonly string[];
}

/** Code in running text or in a table. */
export interface InlineCode {
  readonly line: number;
  readonly text: string;
}

/** All fenced blocks, in order. */
export function fencedBlocks(markdown: string): FencedBlock[] {
  const blocks: { language: string; line: number; lines: string[] }[] = [];
  let open: (typeof blocks)[number] | undefined;
  for (const [index, text] of markdown.split('\n').entries()) {
    const fence = /^```(\w*)/.exec(text);
    if (fence === null) open?.lines.push(text);
    else if (open === undefined) blocks.push((open = { language: fence[1] ?? '', line: index + 1, lines: [] }));
    else open = undefined;
  }
  return blocks;
}

/** All inline code, in order. */
export function inlineCode(markdown: string): InlineCode[] {
  const found: InlineCode[] = [];
  let inBlock = false;
  for (const [index, text] of markdown.split('\n').entries()) {
    if (text.startsWith('```')) inBlock = !inBlock;
    else if (!inBlock) {
      // In a table a pipe is written with a backslash.
      for (const [, code = ''] of text.matchAll(/`([^`]+)`/g)) found.push({ line: index + 1, text: code.replaceAll('\\|', '|') });
    }
  }
  return found;
}
