#!/bin/sh
# Installs cis490-agent on a lab host from this checkout. `--help` says more.
set -eu

PROGRAM=cis490-agent
CONFIG=agent.toml
FIRST_OF_ALL="set host_id, master.url, auth.bearer_token_file and master.bearer_token_file"
# What of the program is run before a new version takes over, and after.
BEFORE_RESTART=
AT_THE_END=doctor

. "$(dirname "$0")/lib/install.sh"
install_program "$@"
