#!/bin/sh
# Makes a root filesystem of node alone: the program, the libraries that it is linked with, and a user to run as.
#   sh make-root.sh FOLDER
set -eu
root="$1"
node="$(readlink -f "$(command -v node)")"

mkdir -p "$root/etc" "$root/app" "$root/run/forebay" "$root/var/lib/dpkg/status.d"
install -D -m 755 "$node" "$root/usr/local/bin/node"
printf 'root:x:0:0:root:/:/nonexistent\nforebay:x:1000:1000:forebay:/app:/nonexistent\n' >"$root/etc/passwd"
printf 'root:x:0:\nforebay:x:1000:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"

for library in $(ldd "$node" | grep -o '/[^ ]*'); do
  install -D -m 755 "$library" "$root$library"
  # Where scanners of images look for what they know of: Debian's package of each library.
  package="$(dpkg-query --search "$library" 2>/dev/null || dpkg-query --search "/usr$library")"
  package="${package%%:*}"
  dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/$package"
done
