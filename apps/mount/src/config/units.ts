const SIZE = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?$/i;
const SIZE_EXPONENT: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)$/;
const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Bytes of a size such as `4MB`, `512KiB`, `1.5 GB` or `4096`; all units are binary (4MB = 4 MiB). `undefined`: not a size. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit] = SIZE.exec(text.trim()) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const bytes = Math.round(Number(digits) * 1024 ** (SIZE_EXPONENT[unit.toLowerCase()] ?? 0));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Milliseconds of a duration such as `500ms`, `30s`, `5m`, `24h`, or `0`. `undefined`: not a duration. */
export function parseDuration(text: string): number | undefined {
  if (text.trim() === '0') return 0;
  const [, digits, unit] = DURATION.exec(text.trim()) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const milliseconds = Math.round(Number(digits) * (MILLISECONDS[unit] ?? 0));
  return Number.isSafeInteger(milliseconds) ? milliseconds : undefined;
}

/** An address to listen on. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:9090`, `localhost:9090`, `[::1]:9090` or `:9090` (all interfaces); port 0 takes a free one. `undefined`: not an address. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s/]*)):(\d{1,5})$/i.exec(text.trim()) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) return undefined;
  return { host: bracketed ?? (plain === undefined || plain === '' ? '::' : plain), port };
}
