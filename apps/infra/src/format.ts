const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `1536` as `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  const exponent = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${exponent === 0 ? String(bytes) : (bytes / 1024 ** exponent).toFixed(1)} ${UNITS[exponent] ?? 'B'}`;
}

/** Bytes in a time as decimal megabytes a second, the unit of network links: `12.5 MB/s`. */
export function formatRate(bytes: number, milliseconds: number): string {
  return `${milliseconds <= 0 ? '0.0' : (bytes / 1000 / milliseconds).toFixed(1)} MB/s`;
}

/** `90061000` as `25h01m`, `61000` as `1m01s`, `2345` as `2.3s`. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  const [large, small, units] = seconds < 3600 ? [seconds / 60, seconds % 60, 'ms'] : [seconds / 3600, (seconds % 3600) / 60, 'hm'];
  return `${Math.floor(large)}${units.charAt(0)}${String(Math.floor(small)).padStart(2, '0')}${units.charAt(1)}`;
}

/** `1 file`, `2 files`. */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
