# Fetches tarballs of the programs from a container of blobs, with the machine's identity.
#
# Set before this text: PACKAGES, the URL of the container. Afterwards PACKAGES is the folder of the tarballs, and RELEASE names their content.

fetch_packages() {
  folder=$STATE/packages
  rm -rf "$folder"
  mkdir -p "$folder"
  answer=$(token_answer) || fail 'the metadata service gives no token: assign the identity that may read the packages to this machine'
  token=$(printf '%s' "$answer" | json_text access_token)
  blob "$PACKAGES?restype=container&comp=list" >"$folder/list.xml" ||
    fail "cannot list $PACKAGES: give the machine's identity the role Storage Blob Data Reader on it, and check that this network reaches it"
  tr '<' '\n' <"$folder/list.xml" | sed -n 's/^Name>//p' | grep -E '^[A-Za-z0-9@._-]+\.tgz$' >"$folder/names" ||
    fail "there is no .tgz in $PACKAGES: upload what npm pack makes"
  while read -r name; do
    blob "$PACKAGES/$name" >"$folder/$name" || fail "cannot download $PACKAGES/$name"
  done <"$folder/names"
  note "$(wc -l <"$folder/names") packages from $PACKAGES"
  rm "$folder/list.xml" "$folder/names"
  PACKAGES=$folder
  RELEASE=packages-$(cd "$folder" && sha256sum -- *.tgz | sha256sum | cut -c 1-12)
}

# Not as an argument: other users see those.
blob() {
  printf 'Authorization: Bearer %s\nx-ms-version: 2023-11-03\n' "$token" |
    curl --silent --show-error --fail --retry 6 --header @- "$1"
}
