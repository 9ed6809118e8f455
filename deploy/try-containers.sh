#!/usr/bin/env bash
# Build both images and run deploy/compose.yaml with them, where there is no Docker; see deploy/trial/__init__.py.
#   deploy/try-containers.sh [FOLDER]
# FOLDER receives the logs and pictures of the trial. It needs root and Debian's buildah, debootstrap, nginx, postgresql,
# chromium and curl. What it starts ends with it. Kept for the next time is one folder, and can be removed at any time:
# ${TMPDIR:-/tmp}/milk-containers with the base of the images (and, with KEEP=1, the images themselves).
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" -ne 0 ]; then
  echo "deploy/try-containers.sh needs root: it mounts what the containers see." >&2
  exit 1
fi
missing=()
for program in buildah debootstrap unshare nsenter setpriv ip nginx psql chromium curl openssl make; do
  command -v "$program" >/dev/null || missing+=("$program")
done
if [ "${#missing[@]}" -gt 0 ]; then
  echo "Not found here: ${missing[*]}. On Debian: apt-get install buildah debootstrap iproute2 nginx postgresql chromium curl openssl make" >&2
  exit 1
fi
if [ -z "${MILK_TRIAL_MOUNTS:-}" ]; then
  # In mounts of its own: whatever happens, nothing stays mounted.
  MILK_TRIAL_MOUNTS=1 exec unshare --mount -- bash "$0" "$@"
fi

cache=${TMPDIR:-/tmp}/milk-containers
mkdir -p "$cache"
exec 9> "$cache/lock"
flock --nonblock 9 || { echo "Another trial is under way in $cache: wait until it has ended." >&2; exit 1; }
work=$(mktemp -d "${TMPDIR:-/tmp}/milk-trial.XXXXXX")
# The folder of the images is entered by users of theirs.
chmod 0711 "$work"
storage=("--root" "$cache/storage" "--runroot" "$work/run" "--storage-driver" "${STORAGE_DRIVER:-overlay}")
export BUILDAH_ISOLATION=chroot

clean() {
  buildah "${storage[@]}" rm --all >/dev/null 2>&1 || true
  umount --recursive --lazy "$cache/storage/overlay" 2>/dev/null || true
  [ -n "${KEEP:-}" ] || rm -rf "$cache/storage"
  rm -rf "$work"
}
trap clean EXIT

# The base: a small Debian with Python, from where this machine has its own packages.
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
base=$cache/base-$release
if [ ! -e "$base" ]; then
  began=$SECONDS
  mirror=$(awk '$1 == "URIs:" { print $2; exit } $1 == "deb" { print ($2 ~ /^\[/) ? $3 : $2; exit }' \
    $(find /etc/apt/sources.list.d -name '*.sources') $([ ! -e /etc/apt/sources.list ] || echo /etc/apt/sources.list))
  rm -rf "$base.part"
  debootstrap --variant=minbase --include=python3,python3-venv "$release" "$base.part" "$mirror" > "$work/debootstrap.log" \
    || { tail -n 20 "$work/debootstrap.log" >&2; exit 1; }
  # As the slim images have it.
  rm -rf "$base.part"/usr/share/{doc,info,locale,man}/* "$base.part"/var/{cache/apt,lib/apt/lists,log}/*
  mv "$base.part" "$base"
  echo "base made: $((SECONDS - began)) s"
fi

# How this machine reaches its packages is its own: handed to the build as secrets, and never in an image.
secrets=()
certificates=${PIP_CERT:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}
(
  # An address of an index may bear a password.
  umask 077
  exec > "$work/pip.conf"
  echo "[global]"
  python3 -m pip config list 2>/dev/null | tr -d "'" | sed -nE \
    's/^(global|:env:)\.((index|extra-index)-url|trusted-host|proxy|timeout|default-timeout)=/\2 = /p' | grep -v file: || true
  [ ! -e "$certificates" ] || echo "cert = /run/secrets/ca.crt"
)
secrets+=("--secret" "id=pip,src=$work/pip.conf")
[ ! -e "$certificates" ] || secrets+=("--secret" "id=ca,src=$certificates")

began=$SECONDS
if ! buildah "${storage[@]}" inspect --type image localhost/milk-base >/dev/null 2>&1; then
  container=$(buildah "${storage[@]}" from scratch)
  cp -a "$base/." "$(buildah "${storage[@]}" mount "$container")/"
  buildah "${storage[@]}" commit --quiet "$container" localhost/milk-base >/dev/null
  buildah "${storage[@]}" rm "$container" >/dev/null
fi
images=()
for target in reader pipeline; do
  # Docker's format: the other one knows no HEALTHCHECK.
  buildah "${storage[@]}" bud --format docker --layers --network host "${secrets[@]}" --target "$target" \
    --build-arg BASE=localhost/milk-base --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
    --tag "localhost/milk-$target" . > "$work/build-$target.log" 2>&1 || { tail -n 30 "$work/build-$target.log" >&2; exit 1; }
  buildah "${storage[@]}" inspect --type image "localhost/milk-$target" > "$work/$target.json"
  root=$(buildah "${storage[@]}" mount "$(buildah "${storage[@]}" from "localhost/milk-$target")")
  images+=("milk-$target=$root=$work/$target.json")
done
echo "images built: $((SECONDS - began)) s"

make --no-print-directory .venv/.ready-dev
began=$SECONDS
status=0
# A network that reaches nothing, and processes that end with the first of them.
unshare --net --mount --pid --fork --kill-child --mount-proc -- sh -c \
  'ip link set lo up && exec .venv/bin/python -m deploy.trial "$@"' sh "$work" "${images[@]}" 9>&- || status=$?
echo "run and driven: $((SECONDS - began)) s"
if [ -n "${1:-}" ]; then
  mkdir -p "$1"
  find "$work" -maxdepth 1 -name '*.png' -exec cp -t "$1" {} +
  [ ! -d "$work/logs" ] || cp -r "$work/logs" "$1/"
fi
exit "$status"
