#!/bin/sh
# Installs cis490-shipper on a lab host from this checkout. `--help` says more.
set -eu

PROGRAM=cis490-shipper
CONFIG=lab-host.toml
FIRST_OF_ALL="set host_id and receiver.url"
# What of the program is run before a new version takes over, and after.
BEFORE_RESTART=drain
AT_THE_END="ping doctor"
BESIDES="cis490-agent likewise, if scripts/install-agent.sh has installed it before: all programs of a host are of one commit"

. "$(dirname "$0")/lib/install.sh"
install_program "$@"

# All programs of a host are of one commit.
if [ -x /usr/local/bin/cis490-agent ]; then
	"$CHECKOUT/scripts/install-agent.sh" "$@"
fi
