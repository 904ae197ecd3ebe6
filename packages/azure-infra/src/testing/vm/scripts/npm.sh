#!/bin/sh
# Stands in for npm, since nothing is downloaded: "npm install --prefix FOLDER …" puts there, by links, the packages that the machine
# underneath has installed, and its Node as the package that is named.
set -eu
echo "npm $*" >>/vm/log/commands
[ "$1 ${2:-}" = 'install --prefix' ] || {
  echo "npm: this stand-in knows only npm install --prefix, and not: npm $*" >&2
  exit 1
}
modules=$3/node_modules
mkdir -p "$modules/.bin" "$modules/@warpforge"
for package in mount trainer infra webdataset; do
  [ -d "/vm/programs/node_modules/@warpforge/$package" ] || {
    echo "npm: the machine underneath has no @warpforge/$package" >&2
    exit 1
  }
  ln -s "/vm/programs/node_modules/@warpforge/$package" "$modules/@warpforge/$package"
done
for word; do
  case $word in
    node-linux-*)
      mkdir -p "$modules/${word%@*}/bin"
      cp /vm/node "$modules/${word%@*}/bin/node"
      ;;
  esac
done
