#!/bin/sh
set -e

# During an upgrade the old version goes on until the new one is there.
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
	deb-systemd-invoke stop "$PROGRAM.service" >/dev/null || true
fi
