# Makes apt, npm, curl and what they start use proxies, each scheme its own.
#
# Set before this text: HTTPS_PROXY_URL, HTTP_PROXY_URL, NO_PROXY_HOSTS (separated by commas); empty where there is none.
NPM_CONFIG_GLOBALCONFIG=/etc/npmrc
export NPM_CONFIG_GLOBALCONFIG

configure_proxies() {
  if [ -z "$HTTPS_PROXY_URL$HTTP_PROXY_URL" ]; then
    rm -f /etc/apt/apt.conf.d/90warpforge-proxy
    note 'none'
    return 0
  fi
  apt_proxies | put /etc/apt/apt.conf.d/90warpforge-proxy 644
  npm_proxies | put "$NPM_CONFIG_GLOBALCONFIG" 644
  if [ -n "$HTTPS_PROXY_URL" ]; then
    export https_proxy="$HTTPS_PROXY_URL"
    note "https through $HTTPS_PROXY_URL"
  fi
  if [ -n "$HTTP_PROXY_URL" ]; then
    export http_proxy="$HTTP_PROXY_URL"
    note "http through $HTTP_PROXY_URL"
  fi
  export no_proxy="$NO_PROXY_HOSTS"
}

apt_proxies() {
  for scheme in https http; do
    if [ "$scheme" = https ]; then url=$HTTPS_PROXY_URL; else url=$HTTP_PROXY_URL; fi
    [ -n "$url" ] || continue
    printf 'Acquire::%s::Proxy "%s";\n' "$scheme" "$url"
    # apt knows single hosts only; the quotes keep names of several parts together.
    for host in $(printf '%s' "$NO_PROXY_HOSTS" | tr ',' ' '); do
      case $host in
        .* | *'*'* | */*) ;;
        *) printf 'Acquire::%s::Proxy { "%s" "DIRECT"; };\n' "$scheme" "$host" ;;
      esac
    done
  done
}

npm_proxies() {
  [ -z "$HTTPS_PROXY_URL" ] || printf 'https-proxy=%s\n' "$HTTPS_PROXY_URL"
  [ -z "$HTTP_PROXY_URL" ] || printf 'proxy=%s\n' "$HTTP_PROXY_URL"
  printf 'noproxy=%s\n' "$NO_PROXY_HOSTS"
}
