# Asks Azure's metadata service what machine this is and for tokens of its identity.
#
# Set before this text: IDENTITY_ID, the resource id of the identity that counts; empty where the machine has only one, or is not in Azure.
METADATA=${WARPFORGE_IMDS:-http://169.254.169.254}/metadata

# The service answers to the machine itself, so never through a proxy. An identity that was just assigned takes a moment.
metadata() {
  curl --silent --show-error --fail --noproxy '*' --max-time 30 --retry 6 --retry-all-errors --header Metadata:true "$METADATA/$1"
}

# The member $1, a text, of the flat object on standard input.
json_text() { sed -n "s/.*\"$1\"[[:space:]]*:[[:space:]]*\"\([^\"]*\)\".*/\1/p"; }

token_answer() {
  metadata "identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fstorage.azure.com%2F${IDENTITY_ID:+&msi_res_id=$IDENTITY_ID}"
}
