import { CommandError } from '../failure.ts';
import type { FolderSample } from './folder-samples.ts';

/** Classes by the names of folders. */
export interface FolderClasses {
  /** Sorted by code unit; the place of a name is its label. */
  readonly names: readonly string[];
  /** The label of a sample. */
  labelOf(sample: FolderSample): number;
}

/**
 * Reads classes from the outermost folder of each sample, as in `cat/0001.jpg`.
 *
 * @throws {@link CommandError} `BAD_FOLDER` when a sample lies in no folder, or has a label already
 */
export function classesOfFolders(samples: readonly FolderSample[]): FolderClasses {
  const folders = new Set<string>();
  for (const { key, files } of samples) {
    const name = folderOf(key);
    if (name === undefined)
      throw new CommandError(
        'BAD_FOLDER',
        `sample "${key}" lies in no folder that could be its class; leave out --classes-from-folders or move it`,
      );
    const label = files.get('cls');
    if (label !== undefined)
      throw new CommandError(
        'BAD_FOLDER',
        `sample "${key}" has a label already, "${label}"; leave out --classes-from-folders or remove it`,
      );
    folders.add(name);
  }
  const names = [...folders].sort();
  const labels = new Map(names.map((name, label) => [name, label]));
  return { names, labelOf: ({ key }) => labels.get(folderOf(key) ?? '') ?? 0 };
}

function folderOf(key: string): string | undefined {
  const slash = key.indexOf('/');
  return slash < 0 ? undefined : key.slice(0, slash);
}
