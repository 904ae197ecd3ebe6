const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `1536` as `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  const exponent = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${exponent === 0 ? String(Math.round(bytes)) : (bytes / 1024 ** exponent).toFixed(1)} ${UNITS[exponent] ?? 'B'}`;
}

/** `61000` as `1m01s`, `2345` as `2.3s`. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  const [large, small, units] = seconds < 3600 ? [seconds / 60, seconds % 60, 'ms'] : [seconds / 3600, (seconds % 3600) / 60, 'hm'];
  return `${Math.floor(large)}${units.charAt(0)}${String(Math.floor(small)).padStart(2, '0')}${units.charAt(1)}`;
}

/** `1 shard`, `1,234 shards`, `2 indexes`. */
export function formatCount(count: number, noun: string): string {
  const ending = count === 1 ? '' : /[sx]$/.test(noun) ? 'es' : 's';
  return `${count.toLocaleString('en-US')} ${noun}${ending}`;
}

/** Rows as lines: the first column to the left, the others to the right. */
export function formatTable(rows: readonly (readonly (string | number)[])[]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, String(cell).length);
  const cells = (row: readonly (string | number)[]): string[] =>
    row.map((cell, column) => (column === 0 ? String(cell).padEnd(widths[0] ?? 0) : String(cell).padStart(widths[column] ?? 0)));
  return rows.map((row) => `${cells(row).join('  ')}\n`).join('');
}

/** White space, quotes and what moves a terminal's cursor. */
// eslint-disable-next-line no-control-regex -- control characters are what this finds
const UNSAFE = /[\s"\u0000-\u001f\u007f-\u009f]/;

/** A name as one word of a line: as it is, or as a JSON string when it has blanks, quotes or control characters. */
export function word(name: string): string {
  return name === '' || UNSAFE.test(name) ? JSON.stringify(name).replace(/[\u007f-\u009f]/g, escapeCharacter) : name;
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
