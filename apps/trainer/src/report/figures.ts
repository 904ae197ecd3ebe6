/** Numbers as a person reads them. */

const INTEGER = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const THREE_DIGITS = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `12,345`; below 100 with three digits, as `12.3`. */
export function formatNumber(value: number): string {
  return (Math.abs(value) < 100 ? THREE_DIGITS : INTEGER).format(value);
}

/** `1.50 GiB` */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? INTEGER.format(value) : value.toFixed(value < 10 ? 2 : 1)} ${UNITS[power] ?? ''}`;
}

/** `12.3 ms`, `4.56 s`, `3 min 20 s` or `2 h 5 min`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${THREE_DIGITS.format(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${THREE_DIGITS.format(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}

/** `98.4 %` */
export function formatPercent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}
