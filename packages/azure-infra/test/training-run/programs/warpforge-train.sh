#!/bin/sh
# Stands in for the trainer; see warpdrive.sh.
set -u
here=${0%/*}
echo "warpforge-train $*" >>"$here/calls"
echo 'step=100  images_per_sec=920.4  data_ms=12.50  compute_ms=8.10  loss=1.8324'
case $(cat "$here/fault") in
  train)
    echo 'warpforge-train: a damaged shard' >&2
    exit 1
    ;;
  train-hangs) exec sleep "$(cat "$here/seconds")" ;;
  daemon-dies)
    kill -KILL "$(cat "$here/pid")"
    exec sleep "$(cat "$here/seconds")"
    ;;
esac
echo '{"steps":100}'
