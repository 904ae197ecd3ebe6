import { z } from 'zod';

/** What `warpdrive serve --json` prints as soon as reads work. */
const readySchema = z.object({ event: z.literal('ready'), mountPoint: z.string(), pid: z.number() });

/** What `warpdrive status --json` prints, as far as it is used here. */
const statusSchema = z.object({
  pid: z.number(),
  mount: z.object({ point: z.string() }).optional(),
  backends: z.array(z.object({ name: z.string(), mountPath: z.string() })),
});

/** Where a daemon serves what. */
export type DaemonStatus = z.infer<typeof statusSchema>;

/** The line that says that reads work; undefined for any other. */
export function parseReady(line: string): { readonly mountPoint: string; readonly pid: number } | undefined {
  return parse(readySchema, line);
}

/** The line with the state of a daemon; undefined for any other. */
export function parseStatus(line: string): DaemonStatus | undefined {
  return parse(statusSchema, line);
}

function parse<T>(schema: z.ZodType<T>, line: string): T | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return schema.safeParse(JSON.parse(line)).data;
  } catch {
    // A line that only looks like JSON.
    return undefined;
  }
}
