#!/usr/bin/env bash
# Gives Secrets Manager what Terraform can't make without writing it into a state: the NATS servers' certificates, the
# authority that signs them, the hash of the first administrator's key, and the key that metrics are asked with.
#
#   put-secrets.sh CLUSTER REGION=AWS_REGION…     all of it, where it is not there yet
#   put-secrets.sh --renew CLUSTER REGION=AWS_REGION…     new certificates from the same authority
#   put-secrets.sh --metrics-key CLUSTER REGION=AWS_REGION…     reads the key from standard input
#
# The first region of the list is the home. The authority's key stays in FOREBAY_AUTHORITY (default ./authority-CLUSTER): put
# that folder into a safe place away from this machine afterwards, and bring it back for --renew and for a new region. Without
# it nothing is done: servers take no certificates of another authority. A certificate is valid for a year.
set -euo pipefail
umask 077

usage() {
  sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

action=all
case "${1-}" in
  --renew | --metrics-key) action=${1#--}; shift ;;
  -*) usage ;;
esac
[ $# -ge 2 ] || usage
cluster=$1
shift
for pair in "$@"; do
  [[ $pair =~ ^[a-z][a-z0-9-]*=[a-z]{2}(-[a-z]+)+-[0-9]$ ]] || { echo "\"$pair\" is not REGION=AWS_REGION, such as eu=eu-central-1" >&2; exit 2; }
done
home=${1#*=}
authority=${FOREBAY_AUTHORITY:-./authority-$cluster}
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

# Values go through files that only this user can read: never through arguments, which every process can.
put() {
  local aws_region=$1 name=$2 file=$3
  aws secretsmanager put-secret-value --region "$aws_region" --secret-id "$name" --secret-string "file://$file" --output text --query VersionId >/dev/null
  echo "put $name in $aws_region"
}

# Only what is known not to be there is made: whoever may not look, or can't, is told so.
is_there() {
  aws secretsmanager get-secret-value --region "$1" --secret-id "$2" --output text --query VersionId >/dev/null 2>"$scratch/said" && return
  grep -q ResourceNotFoundException "$scratch/said" && return 1
  cat "$scratch/said" >&2
  exit 1
}

# The servers' authority is that of nats-ca: with certificates of another one their routes fail as soon as they are reloaded.
find_authority() {
  local known
  if is_there "$home" "$cluster/nats-ca"; then
    has_authority || refuse "There is a $cluster/nats-ca, and no $authority/ca.key and ca.pem of it: bring that folder back, or say in FOREBAY_AUTHORITY where it is"
    known=$(aws secretsmanager get-secret-value --region "$home" --secret-id "$cluster/nats-ca" --output text --query SecretString)
    [[ $known == *"$(cat "$authority/ca.pem")"* ]] || refuse "$authority/ca.pem is not the authority that $cluster/nats-ca has: bring the right folder back, or say in FOREBAY_AUTHORITY where it is"
    return
  fi
  [ "$action" != renew ] || refuse "There is no $cluster/nats-ca, and so nothing to renew: run this without --renew first"
  has_authority || make_authority
  put "$home" "$cluster/nats-ca" "$authority/ca.pem"
}

has_authority() {
  [ -f "$authority/ca.key" ] && [ -f "$authority/ca.pem" ]
}

refuse() {
  echo "$1. Nothing was done." >&2
  exit 1
}

make_authority() {
  mkdir -p "$authority"
  openssl ecparam -name prime256v1 -genkey -noout -out "$authority/ca.key"
  openssl req -x509 -new -sha256 -days 3650 -key "$authority/ca.key" -out "$authority/ca.pem" \
    -subj "/CN=$cluster NATS authority" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign"
}

# For clients and for routes: as a server and as a client. The name is that of modules/names.
make_certificate() {
  local region=$1 host="nats.$1.$cluster.internal"
  openssl ecparam -name prime256v1 -genkey -noout -out "$scratch/$region.key"
  openssl req -new -sha256 -key "$scratch/$region.key" -subj "/CN=$host" -out "$scratch/$region.csr"
  printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth,clientAuth\nkeyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\n' "$host" >"$scratch/$region.ext"
  openssl x509 -req -sha256 -days 365 -in "$scratch/$region.csr" -CA "$authority/ca.pem" -CAkey "$authority/ca.key" \
    -CAcreateserial -extfile "$scratch/$region.ext" -out "$scratch/$region.pem" 2>/dev/null
  jq --null-input --rawfile certificate "$scratch/$region.pem" --rawfile key "$scratch/$region.key" \
    '{certificate: $certificate, key: $key}' >"$scratch/$region.json"
}

if [ "$action" = metrics-key ]; then
  tr -d '\n' >"$scratch/metrics-key"
  put "$home" "$cluster/metrics-key" "$scratch/metrics-key"
  exit
fi

# First: from then on it is known whose certificates there may be.
find_authority
for pair in "$@"; do
  region=${pair%%=*}
  name="$cluster-$region/nats-certificate"
  if [ "$action" = renew ] || ! is_there "${pair#*=}" "$name"; then
    make_certificate "$region"
    put "${pair#*=}" "$name" "$scratch/$region.json"
  fi
done
[ "$action" = renew ] && exit

if ! is_there "$home" "$cluster/admin-key-sha256"; then
  # As `forebay key admin` makes them.
  printf 'fb_admin_%s' "$(openssl rand -base64 32 | tr '+/' '-_' | tr -d '=\n')" >"$scratch/admin-key"
  openssl dgst -sha256 -r "$scratch/admin-key" | cut -d ' ' -f 1 | tr -d '\n' >"$scratch/admin-key-sha256"
  put "$home" "$cluster/admin-key-sha256" "$scratch/admin-key-sha256"
  echo "The first administrator's key, which is shown this once: $(cat "$scratch/admin-key")"
fi
# Something, so that the collector starts; the real one is made with `forebay key create … --scope metrics` once a region runs.
if ! is_there "$home" "$cluster/metrics-key"; then
  printf 'none-yet' >"$scratch/metrics-key"
  put "$home" "$cluster/metrics-key" "$scratch/metrics-key"
fi
echo "Keep $authority in a safe place away from this machine: whoever has it can pass for a NATS server."
