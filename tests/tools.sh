#!/usr/bin/env bash
# Gets the real tools that tests ask into .tools, installing nothing: nginx of the version that instances run, built from
# its source in the crate nginx-src (else Debian's, which is older), and Docker Compose built from its Go module.
# What can't be had here is said and left out; the tests that need it are skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p .tools/bin
here=$PWD/.tools
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
crate=1.28.5
# The newest that builds from the module proxy alone.
compose=5.5.1

built_nginx() {
  command -v cargo && command -v cc && command -v make && command -v apt-get && command -v dpkg-deb || return
  mkdir -p "$build/crate/src" "$build/pcre" || return
  printf '[package]\nname = "tools"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\nnginx-src = "=%s"\n' \
    "$crate" >"$build/crate/Cargo.toml" || return
  echo 'fn main() {}' >"$build/crate/src/main.rs"
  (cd "$build/crate" && CARGO_HOME=$build/cargo cargo fetch) || return
  (cd "$build/pcre" && apt-get download libpcre2-dev && dpkg-deb -x libpcre2-dev_*.deb .) || return
  local library
  library=$(dirname "$(find "$build/pcre" -name libpcre2-8.a)")
  cp -r "$build"/cargo/registry/src/*/nginx-src-*/nginx "$build/nginx" || return
  cd "$build/nginx" || return
  bash auto/configure --with-http_realip_module --without-http_gzip_module \
    --with-cc-opt="-I$build/pcre/usr/include -w" --with-ld-opt="-L$library -l:libpcre2-8.a" || return
  make -j2 || return
  mkdir -p "$here/nginx/usr/sbin" && cp objs/nginx "$here/nginx/usr/sbin/nginx"
}

debians_nginx() {
  command -v apt-get && command -v dpkg-deb || return
  cd "$here" || return
  apt-get download nginx && dpkg-deb -x nginx_*.deb nginx && rm nginx_*.deb
}

built_compose() {
  command -v go && mkdir -p "$build/compose" && cd "$build/compose" || return
  go mod init example.com/tools && go get "github.com/docker/compose/v5/cmd@v$compose" || return
  go build -buildvcs=false -mod=mod -ldflags "-s -w -X github.com/docker/compose/v5/internal.Version=v$compose" \
    -o "$here/bin/docker-compose" github.com/docker/compose/v5/cmd
}

if [[ -x .tools/nginx/usr/sbin/nginx ]]; then
  echo "nginx: here"
elif (built_nginx) >"$build/log" 2>&1; then
  echo "nginx: built"
elif (debians_nginx) >>"$build/log" 2>&1; then
  echo "nginx: Debian's, as it could not be built: $(tail -n 1 "$build/log")"
else
  echo "nginx: can't be had here; one on PATH will do"
fi

if [[ -x .tools/bin/docker-compose ]]; then
  echo "compose: here"
elif docker compose version >/dev/null 2>&1; then
  echo "compose: on PATH"
elif (built_compose) >"$build/log" 2>&1; then
  echo "compose: built"
else
  echo "compose: can't be had here; one on PATH will do ($(tail -n 1 "$build/log"))"
fi
