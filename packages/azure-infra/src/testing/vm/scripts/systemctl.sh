#!/bin/sh
# Stands in for systemd, which does not run twice on a machine: starts and stops what units say, and keeps what that prints for journalctl.
# It knows the parts of units that are used here, and restarts nothing that ends. Enabling is a matter of files, which the real one does.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
UNITS=/etc/systemd/system
# As in the unit: longer than the daemon needs to unmount.
STOP_LIMIT_TENTHS=100

verb='' unit='' quiet=''
for word; do
  case $word in
    --quiet | -q) quiet=1 ;;
    -* | MainPID) ;;
    *) if [ -z "$verb" ]; then verb=$word; else unit=${word%.service}.service; fi ;;
  esac
done

text() { cat "$UNITS/$unit" "$UNITS/$unit.d"/*.conf 2>/dev/null || true; }
property() { text | sed -n "s/^$1=//p" | tail -n 1; }
process() { cat "/vm/services/$unit" 2>/dev/null || true; }

# What has ended well and counts as active for that has the process number 0.
is_active() {
  case $(process) in
    '') return 1 ;;
    0) return 0 ;;
    # Anybody may ask, and not only who may send it a signal.
    *) [ -d "/proc/$(process)" ] ;;
  esac
}

demand() {
  [ -f "$UNITS/$unit" ] && return 0
  echo "Unit $unit not found." >&2
  exit 5
}

start() {
  if is_active; then return 0; fi
  condition=$(property ConditionPathExists)
  if [ -n "$condition" ] && [ ! -e "$condition" ]; then return 0; fi
  for needed in $(property Requires); do "$0" start "$needed"; done
  environment=$(property EnvironmentFile)
  files=$(property LimitNOFILE)
  # The machine underneath may allow fewer.
  script="ulimit -n ${files:-1024} 2>/dev/null || ulimit -n \$(ulimit -H -n); set -a; [ ! -f '${environment#-}' ] || . '${environment#-}'; set +a; exec $(property ExecStart)"
  set -- env -i PATH="$PATH" WARPFORGE_SYSFS=/vm/sys sh -c "$script"
  if [ "$(property Type)" = oneshot ]; then
    "$@" </dev/null >>"/vm/log/$unit" 2>&1
    echo 0 >"/vm/services/$unit"
  else
    # Not with the locks that whoever asked for it holds.
    setsid "$@" </dev/null >>"/vm/log/$unit" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
    echo $! >"/vm/services/$unit"
  fi
}

stop() {
  pid=$(process)
  if is_active && [ "$pid" -ne 0 ]; then
    kill -TERM "$pid"
    tenths=0
    while is_active; do
      [ "$tenths" -lt "$STOP_LIMIT_TENTHS" ] || kill -KILL "$pid"
      tenths=$((tenths + 1))
      sleep 0.1
    done
  fi
  rm -f "/vm/services/$unit"
}

case $verb in
  enable | disable | is-enabled) SYSTEMD_OFFLINE=1 exec /usr/bin/systemctl "$@" ;;
  daemon-reload | reset-failed) ;;
  start | stop)
    demand
    $verb
    ;;
  restart)
    demand
    stop
    start
    ;;
  is-active)
    if is_active; then state=active; else state=inactive; fi
    [ -n "$quiet" ] || echo $state
    [ $state = active ] || exit 3
    ;;
  is-system-running) echo running ;;
  show) process ;;
  cat)
    demand
    text
    ;;
  *)
    echo "this stand-in for systemd does not know: systemctl $*" >&2
    exit 1
    ;;
esac
