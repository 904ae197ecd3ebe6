/** Other tars, to write what ours must read and to read what ours wrote. */
import { python } from './support.ts';

/** A member as an oracle saw it. */
export interface ListedMember {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'link' | 'symlink' | 'other';
  readonly size: number;
  readonly mtime: number;
  readonly linkName: string;
  /** Data in hexadecimal. */
  readonly data: string;
}

/** A file for Python to pack. */
export interface FileToPack {
  readonly name: string;
  readonly data: string;
  readonly mtime: number;
}

const LIST = `
import io, json, sys, tarfile
KINDS = [('file', 'isreg'), ('directory', 'isdir'), ('link', 'islnk'), ('symlink', 'issym')]
def listing(path):
    with tarfile.open(path) as tar:
        return [dict(
            name=m.name,
            type=next((kind for kind, test in KINDS if getattr(m, test)()), 'other'),
            size=m.size if m.isreg() else 0,
            mtime=m.mtime,
            linkName=m.linkname,
            data=tar.extractfile(m).read().hex() if m.isreg() else '',
        ) for m in tar]
`;

/** What Python's tarfile reads from archives. */
export function pythonListings(paths: readonly string[]): ListedMember[][] {
  return python(`${LIST}\njson.dump([listing(path) for path in json.load(sys.stdin)], sys.stdout)`, paths) as ListedMember[][];
}

/** Packs archives with Python's tarfile: 0 is ustar, 1 GNU, 2 PAX. Returns what it reads back (ustar leaves out names that it cannot hold). */
export function pythonPack(
  archives: readonly { readonly path: string; readonly format: number; readonly files: readonly FileToPack[] }[],
): ListedMember[][] {
  const program = `${LIST}
archives = json.load(sys.stdin)
for archive in archives:
    with tarfile.open(archive['path'], 'w', format=archive['format']) as tar:
        for file in archive['files']:
            data = bytes.fromhex(file['data'])
            info = tarfile.TarInfo(file['name'])
            info.size, info.mtime = len(data), file['mtime']
            try:
                tar.addfile(info, io.BytesIO(data))
            except ValueError:
                pass
json.dump([listing(archive['path']) for archive in archives], sys.stdout)
`;
  return python(program, archives) as ListedMember[][];
}
