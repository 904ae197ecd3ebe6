import { spawn } from 'node:child_process';
import { json } from 'node:stream/consumers';
import type { Accepted, FuzzFailure } from './fuzz.ts';

/** Regular files, as Python's tarfile sees them. It stops at damage, as a rule without a word. */
const PROGRAM = `
import base64, io, json, sys, tarfile
def listing(archive):
    files = []
    try:
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(archive)), mode='r:') as tar:
            for m in tar:
                if m.isreg(): files.append([m.name, base64.b64encode(tar.extractfile(m).read()).decode()])
    except (tarfile.TarError, OverflowError, ValueError):
        pass
    return files
json.dump([listing(archive) for archive in json.load(sys.stdin)], sys.stdout)`;

/**
 * Lets Python's tarfile read archives that were accepted: the files that it sees, up to where it stops, must be ours.
 *
 * @throws Error when python3 cannot be run
 */
export async function judge(accepted: readonly Accepted[]): Promise<FuzzFailure | undefined> {
  const comparable = accepted.filter(isComparable);
  const listings = await run(comparable.map(({ mutant }) => mutant.bytes.toString('base64')));
  for (const [index, { number, mutant, outcome }] of comparable.entries()) {
    const theirs = listings[index] ?? [];
    const ours = outcome.members.filter(({ member }) => member.type === 'file');
    const isSame = theirs.every(([name, data], at) => {
      const entry = ours[at];
      return entry !== undefined && isSameName(name, entry.member.name) && entry.data.toString('base64') === data;
    });
    if (isSame) continue;
    const message = `${mutant.done.join('; ')}\nPython reads ${JSON.stringify(theirs.map(([name]) => name))}, we ${JSON.stringify(ours.map(({ member }) => member.name))}`;
    return { number, message };
  }
  return undefined;
}

/**
 * What two sound readers may take differently is left out: names by GNU's headers, where Python looks past their size, and which may
 * contradict those by PAX; and a PAX record without a value, which takes the keyword back by POSIX, and makes an empty name or a size of 0
 * in Python.
 */
function isComparable({ mutant }: Accepted): boolean {
  const hasGnuNames = mutant.bytes.includes('././@LongLink') || mutant.done.some((what) => /make the header at \d+ a "[LK]"/.test(what));
  return !hasGnuNames && !mutant.bytes.includes('=\n');
}

/** Bytes that are no UTF-8 become other characters in Python; and it takes a prefix from headers whose magic number is damaged, too. */
function isSameName(theirs: string, ours: string): boolean {
  return !/^[ -~]*$/.test(theirs) || theirs === ours || theirs.endsWith(`/${ours}`);
}

async function run(archives: readonly string[]): Promise<[name: string, data: string][][]> {
  const child = spawn('python3', ['-c', PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
  const failure = new Promise<never>((_, reject) => child.once('error', reject));
  child.stdin.end(JSON.stringify(archives));
  return (await Promise.race([json(child.stdout), failure])) as [name: string, data: string][][];
}
