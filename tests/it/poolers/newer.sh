#!/bin/sh
# Unpacks PgBouncer 1.21 or newer into the folder $1, from Debian's next release and with the libraries that it needs, and
# prints the path of the program. Installs nothing. Fails on another system, or without a network.
set -eu
folder=$1
release=trixie
program=$folder/pgbouncer
mkdir -p "$folder"
# Several runs may share the folder.
exec 9>"$folder/lock"
flock 9
if [ -x "$program" ]; then
    echo "$program"
    exit 0
fi
mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN)' 'Created-By: Packages' | awk '$2 == "Debian" { print $1; exit }')
[ -n "$mirror" ]
mkdir -p "$folder/lists" "$folder/cache/archives/partial" "$folder/root"
echo "deb $mirror $release main" >"$folder/sources.list"
apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$folder/lists" -o Dir::Cache="$folder/cache" -o APT::Sandbox::User=root \
        -o Acquire::http::Timeout=20 -o Acquire::Retries=1 "$@" >&2
}
apt update
cd "$folder"
apt download pgbouncer libc6 libevent-2.1-7t64 libcares2 libssl3t64 libsystemd0 libcap2 libpam0g libldap2 \
    libsasl2-2 libaudit1 libcap-ng0 zlib1g libzstd1
for package in *.deb; do
    dpkg-deb -x "$package" root
done
libraries=$(dirname "$(find "$folder/root" -name 'libc.so.6')")
loader=$(find "$libraries" -name 'ld-linux*.so*' | head -n 1)
printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s/root/usr/sbin/pgbouncer" "$@"\n' \
    "$loader" "$libraries" "$folder" >"$program.new"
# Whoever the pooler runs as must read it.
chmod -R a+rX "$folder"
chmod 755 "$program.new"
"$program.new" --version >&2
mv "$program.new" "$program"
echo "$program"
