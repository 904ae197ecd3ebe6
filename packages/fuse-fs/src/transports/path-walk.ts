import { FileSystemError, type Attributes, type FileSystem, type InodeNumber, type RequestContext } from '../file-system.ts';
import { ROOT_INODE } from '../protocol/constants.ts';

/** What a path leads to. Disposing it gives the references back that hold the inode. */
export interface Walked extends Disposable {
  readonly attributes: Attributes;
}

/** Follows a path from the root by lookups, as the kernel would. */
export async function walk(fileSystem: FileSystem, path: string, context: RequestContext): Promise<Walked> {
  const taken: InodeNumber[] = [];
  const release = (): void => {
    for (const inode of taken.splice(0)) fileSystem.forget(inode, 1);
  };
  try {
    let { attributes } = await fileSystem.attributes(ROOT_INODE, context);
    for (const name of path.split('/').filter((part) => part !== '')) {
      const entry = await fileSystem.lookup(attributes.inode, name, context);
      if (entry.attributes === undefined) throw new FileSystemError('ENOENT', path);
      attributes = entry.attributes;
      taken.push(attributes.inode);
    }
    return { attributes, [Symbol.dispose]: release };
  } catch (error) {
    release();
    throw error;
  }
}
