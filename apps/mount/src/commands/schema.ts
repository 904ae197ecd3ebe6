import { Command } from 'commander';

/** `warpdrive schema`: how `config.schema.json` is made. */
export function schemaCommand(): Command {
  return new Command('schema').description('Print the JSON Schema of the configuration, for editors.').action(async () => {
    const { z } = await import('zod');
    const { configSchema } = await import('../config/schema.ts');
    process.stdout.write(`${JSON.stringify(z.toJSONSchema(configSchema, { io: 'input' }), null, 2)}\n`);
  });
}
