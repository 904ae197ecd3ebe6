#!/bin/sh
# Stands in for the journal: what units have printed.
set -eu
unit='' lines=+1
while [ $# -gt 0 ]; do
  case $1 in
    -u | --unit) unit=${2%.service}.service && shift ;;
    -n | --lines) lines=$2 && shift ;;
    --no-pager) ;;
    *) echo "this stand-in for the journal does not know: $1" >&2 && exit 1 ;;
  esac
  shift
done
tail -n "$lines" "/vm/log/$unit"
