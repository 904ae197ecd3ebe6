import type { Machine } from './machine/machine.ts';
import { MachineError } from './machine/errors.ts';

/** Where the unit of the mount daemon reads its configuration. */
export const DAEMON_CONFIG_PATH = '/etc/warpdrive/config.yaml';

/** A line that no configuration has. */
const END = 'END_OF_CONFIGURATION';

/** What is installed, and on which machine. */
export interface InstallDaemonConfigOptions {
  readonly machine: Machine;
  /** YAML. */
  readonly config: string;
  /** Default: {@link DAEMON_CONFIG_PATH}. */
  readonly path?: string;
  readonly signal: AbortSignal;
  /** Told what is done. */
  readonly onLine: (line: string) => void;
}

/**
 * Puts the configuration on a machine and restarts the daemon's unit where the configuration is another than before, or the unit does not
 * run. Returns when reads work.
 *
 * @throws {MachineError} `MACHINE_SETUP_FAILED` where the daemon refuses the configuration, in which case the former one stays, or does not
 *   come up with it; what {@link Machine.run} throws.
 */
export async function installDaemonConfig({
  machine,
  config,
  path = DAEMON_CONFIG_PATH,
  signal,
  onLine,
}: InstallDaemonConfigOptions): Promise<void> {
  const errors: string[] = [];
  const status = await machine.run(installScript(config, path), {
    signal,
    asRoot: true,
    onLine: (stream, line) => {
      if (stream === 'stdout') onLine(line);
      else errors.push(line);
    },
  });
  if (status !== 0) {
    throw new MachineError(
      'MACHINE_SETUP_FAILED',
      `could not install the configuration on ${machine.description}: ${errors.length === 0 ? `it said nothing (exit ${status})` : errors.join('\n  ')}`,
    );
  }
}

/** The script that does it; it runs as root. */
export function installScript(config: string, path: string): string {
  return `set -eu
PATH=$PATH:/usr/local/bin
export PATH
CONFIG='${path.replaceAll("'", `'\\''`)}'
READY_LIMIT_S=30
# The VM's role can be the last to have an effect, which takes Azure up to ten minutes; until then the daemon ends with that.
ROLE_LIMIT_S=600
ROLE_RETRY_S=5
fail() {
  printf '%s\\n' "$*" >&2
  exit 1
}
runs() { systemctl is-active --quiet warpdrive.service; }
journal() { journalctl --unit warpdrive --lines 20 --no-pager 2>&1; }
command -v warpdrive >/dev/null 2>&1 || fail 'the programs are not installed; run "warpforge-infra setup" first'
mkdir -p "$(dirname "$CONFIG")"
cat >"$CONFIG.new" <<'${END}'
${config}${END}
chmod 644 "$CONFIG.new"
# The daemon itself says what it would not take: 2 is a faulty configuration, 1 only that nothing serves it.
verdict=0
said=$(warpdrive status --config "$CONFIG.new" 2>&1) || verdict=$?
if [ "$verdict" -gt 1 ]; then
  rm "$CONFIG.new"
  fail "the daemon refuses it: $said"
fi
changed=no
if cmp -s "$CONFIG.new" "$CONFIG"; then
  rm "$CONFIG.new"
  echo "$CONFIG is up to date"
else
  mv "$CONFIG.new" "$CONFIG"
  changed=yes
  echo "wrote $CONFIG"
fi
# In a container, or an image that is being built, systemd is installed and does not run.
case $(systemctl is-system-running 2>/dev/null || true) in
  '' | offline | unknown) unit=no ;;
  *) if systemctl cat warpdrive.service >/dev/null 2>&1; then unit=yes; else unit=no; fi ;;
esac
if [ "$unit" = no ]; then
  echo 'no unit warpdrive.service runs here; "warpdrive serve" mounts'
  exit 0
fi
if [ "$changed" = yes ] || ! runs; then
  systemctl reset-failed warpdrive.service 2>/dev/null || true
  systemctl restart warpdrive.service || fail "the unit did not start: $(journal)"
  echo 'restarted warpdrive.service'
fi
mounted() { runs && warpdrive status --config "$CONFIG" --json 2>/dev/null | grep -q '"mount":'; }
waited=0
limit=$READY_LIMIT_S
until mounted; do
  [ "$waited" -lt "$limit" ] || fail "nothing is mounted after $limit s: $(journal)"
  sleep 1
  waited=$((waited + 1))
  if [ $((waited % ROLE_RETRY_S)) -eq 0 ] && ! runs && journal | grep -q AuthorizationPermissionMismatch; then
    [ "$limit" -eq "$ROLE_LIMIT_S" ] || echo "waiting until the VM's role has an effect, which takes Azure up to ten minutes"
    limit=$ROLE_LIMIT_S
    systemctl reset-failed warpdrive.service 2>/dev/null || true
    systemctl restart warpdrive.service || true
  fi
done
echo 'mounted'
`;
}
