#!/usr/bin/env bash
# Makes the certificates in trouble/ that are wrong in one way each, and an authority for them whose key is thrown away. Run by hand.
set -euo pipefail
cd "$(dirname "$0")/trouble"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/index.txt"
always=(20260101000000Z 21260101000000Z) past=(20200101000000Z 20210101000000Z) future=(21200101000000Z 21260101000000Z)

authority() { # name
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj "/CN=$1" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign -keyout "$work/$1.key" -out "$1.pem"
}
leaf() { # file authority CN SAN from until
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$3" -keyout "$1.key" -out "$work/csr"
  printf '%s\n' "[ca]" "default_ca=it" "[it]" "database=$work/index.txt" "unique_subject=no" "new_certs_dir=$work" "serial=$work/serial" \
    "default_md=sha256" "policy=any" "x509_extensions=leaf" "[any]" "commonName=supplied" "[leaf]" "subjectAltName=$4" >"$work/cnf"
  openssl ca -batch -notext -config "$work/cnf" -rand_serial -cert "$2.pem" -keyfile "$work/$2.key" \
    -startdate "$5" -enddate "$6" -in "$work/csr" -out "$1.pem"
}

here=DNS:localhost,IP:127.0.0.1
authority lab-ca
authority stranger-ca
leaf server lab-ca localhost $here "${always[@]}"
leaf server-expired lab-ca localhost $here "${past[@]}"
leaf server-future lab-ca localhost $here "${future[@]}"
leaf server-elsewhere lab-ca elsewhere.example DNS:elsewhere.example "${always[@]}"
leaf server-stranger stranger-ca localhost $here "${always[@]}"
leaf client lab-ca lab-1 DNS:lab-1 "${always[@]}"
leaf client-expired lab-ca lab-1 DNS:lab-1 "${past[@]}"
leaf client-future lab-ca lab-1 DNS:lab-1 "${future[@]}"
leaf client-stranger stranger-ca lab-1 DNS:lab-1 "${always[@]}"
