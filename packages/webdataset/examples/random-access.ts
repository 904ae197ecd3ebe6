/**
 * Reads single samples by key and by number, through the shard's index.
 */
import { ShardReader } from '@warpforge/webdataset';

await using reader = await ShardReader.open('data/train/shard-000001.tar');
console.log(`${reader.length} samples`);

const byKey = await reader.get('00000025');
console.log(`sample ${byKey.number} is ${byKey.key} of class ${byKey.fields.get('cls')?.toString()}`);

const last = await reader.at(reader.length - 1);
console.log(`the last one has the fields ${[...last.fields.keys()].join(', ')}`);
