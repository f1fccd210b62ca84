#!/usr/bin/env bash
# Gets the real tools that tests ask where they are: nginx from Debian's packages, without installing it, and Docker
# Compose built from its Go module. What can't be had here is said and left out; the tests that need it are skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p .tools/bin
# The newest that builds from the module proxy alone.
compose=5.5.1

if command -v nginx >/dev/null || [[ -x /usr/sbin/nginx || -x .tools/nginx/usr/sbin/nginx ]]; then
  echo "nginx: here"
elif command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null &&
  (cd .tools && apt-get download nginx >/dev/null 2>&1 && dpkg-deb -x nginx_*.deb nginx && rm nginx_*.deb); then
  echo "nginx: .tools/nginx"
else
  echo "nginx: can't be had here; install it by hand"
fi

if docker compose version >/dev/null 2>&1 || [[ -x .tools/bin/docker-compose ]]; then
  echo "compose: here"
elif command -v go >/dev/null; then
  build=$(mktemp -d)
  trap 'rm -rf "$build"' EXIT
  target=$PWD/.tools/bin/docker-compose
  if (cd "$build" && go mod init example.com/tools &&
    go get "github.com/docker/compose/v5/cmd@v$compose" &&
    go build -buildvcs=false -mod=mod -ldflags "-s -w -X github.com/docker/compose/v5/internal.Version=v$compose" \
      -o "$target" github.com/docker/compose/v5/cmd) >"$build/log" 2>&1; then
    echo "compose: $target"
  else
    tail -n 3 "$build/log"
    echo "compose: can't be built here; install it by hand"
  fi
else
  echo "compose: can't be had here, there is no go to build it with; install it by hand"
fi
