/**
 * How a script gets to a shell, on this machine or behind SSH, and how it ends when nobody waits for it any more.
 *
 * The shell reads the script from its standard input, since a command line would show it to every user. The input then stays open: its
 * end, by Ctrl-C here, by a crash or by a lost connection, ends the process group of the script. SSH alone would leave it running.
 */

/** For a script to clean up after itself. */
const GRACE_S = 5;

/**
 * First the script, as many bytes as told: half a script must not run. It runs as the leader of a group of its own, reads from /dev/null and is read from a pipe.
 * `wait` also returns when a signal comes in, hence the loop. What an ended script leaves of its group is killed. 255 is what ssh itself fails with, so the script's 255 becomes 254.
 * No single quotes, so that it can stand between them.
 */
function session(bytes: number): string {
  return `exec 4<&0
script=$(head -c ${bytes} && echo x) || exit 1
[ "$(printf %s "\${script%x}" | wc -c)" -eq ${bytes} ] || exit 1
printf %s "\${script%x}" | setsid sh /dev/fd/3 3<&0 0</dev/null 4<&- &
child=$!
ended=
trap "ended=1; kill -TERM -\\$child" HUP INT TERM
(
  cat <&4
  kill -TERM $$
  sleep ${GRACE_S}
  kill -KILL "-$child"
) >/dev/null 2>&1 &
watch=$!
exec 4<&- </dev/null
while
  wait "$child" && status=0 || status=$?
  kill -0 "$child" 2>/dev/null
do :; done
[ -z "$ended" ] || kill -KILL "-$child" 2>/dev/null
kill "$watch" 2>/dev/null
[ "$status" -ne 255 ] || status=254
exit "$status"`;
}

const AS_ROOT = 'if [ "$(id -u)" -eq 0 ]; then exec sh -c "$1"; else exec sudo -n sh -c "$1"; fi';

/** The command that takes the script, and the input that it gets. */
export interface ShellSession {
  readonly command: readonly [string, ...string[]];
  readonly input: string;
}

/** A session for a script; `asRoot` needs a user who is root or may use sudo without a password. */
export function shellSession(script: string, asRoot: boolean): ShellSession {
  const text = session(Buffer.byteLength(script));
  return { command: asRoot ? ['sh', '-c', AS_ROOT, 'sh', text] : ['sh', '-c', text], input: script };
}
