import { styleText } from 'node:util';
import pino from 'pino';

/** The log of the daemon. */
export type Logger = pino.Logger;

/** The `log` section of the configuration. */
export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** `json`: one object a line; `text`: the same for people. */
  readonly format: 'text' | 'json';
}

/** Logs go to standard error; standard output is for what was asked. */
export function createLogger(options: LogOptions): Logger {
  const settings: pino.LoggerOptions = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    messageKey: 'message',
  };
  return pino(settings, {
    write: (line: string) => {
      process.stderr.write(options.format === 'json' ? line : formatLine(line, process.stderr));
    },
  });
}

const COLOURS = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' } as const;

/** One JSON line as `2026-01-31T12:00:00.000Z WARN  message key=value`. */
export function formatLine(line: string, stream?: NodeJS.WriteStream): string {
  const { time, level, message, ...fields } = parseObject(line);
  const word = String(level);
  const colour = Object.entries(COLOURS).find(([name]) => name === word)?.[1];
  const label = word.toUpperCase().padEnd(5);
  const shownLabel = colour === undefined || stream === undefined ? label : styleText(colour, label, { stream });
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${formatValue(value)}`);
  return `${String(time)} ${shownLabel} ${String(message)}${rest.join('')}\n`;
}

function parseObject(line: string): Record<string, unknown> {
  const value: unknown = JSON.parse(line);
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function formatValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[^\s"=]+$/.test(text) || typeof value !== 'string' ? text : JSON.stringify(text);
}
