#!/bin/sh
# Installs cis490-receiver on the central node from this checkout. `--help` says more.
set -eu

PROGRAM=cis490-receiver
CONFIG=receiver.toml
FIRST_OF_ALL="set version_gate.repo_path or the Forgejo keys, and who may write"
# What of the program is run before a new version takes over, and after.
BEFORE_RESTART=
AT_THE_END=doctor

. "$(dirname "$0")/lib/install.sh"
install_program "$@"
