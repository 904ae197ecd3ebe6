#!/bin/sh
# Stands in for the mount daemon where it is not about mounting: what is to fail, or to hang, is in the file "fault" beside it.
set -u
here=${0%/*}
fault=$(cat "$here/fault")
hang() { exec sleep "$(cat "$here/seconds")"; }
echo "warpdrive $*" >>"$here/calls"
case $1 in
  status)
    if [ "$fault" = config ]; then
      echo 'warpdrive: the configuration has a fault:' >&2
      exit 2
    fi
    [ -f "$here/pid" ] || exit 1
    printf '{"pid":%s,"mount":{"point":"%s/wd"},"backends":[{"name":"a","mountPath":"/a"},{"name":"b","mountPath":"/b"}]}\n' "$(cat "$here/pid")" "$here"
    ;;
  serve)
    case $fault in
      serve)
        echo 'warpdrive: there is no such container' >&2
        exit 1
        ;;
      ready)
        echo 'still asking the backends' >&2
        hang
        ;;
    esac
    echo $$ >"$here/pid"
    trap 'rm -f "$here/pid"; exit 0' TERM
    printf '{"event":"ready","mountPoint":"%s/wd","pid":%s}\n' "$here" $$
    # Waits without a child, which would outlive it.
    mkfifo "$here/never"
    while :; do read -r _ <>"$here/never"; done
    ;;
  warm)
    case $fault in
      warm)
        echo '1 of 2 files are not complete' >&2
        exit 1
        ;;
      warm-hangs) hang ;;
    esac
    echo 'Done: Cache warming complete in 0.1s'
    ;;
esac
