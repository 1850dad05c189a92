#!/bin/sh
set -e

# What nobody could make again.
dear() {
	for below in $DEAR; do
		[ -e "$STATE/$below" ] || continue
		find "$STATE/$below" ! -type d -size +0 -print -quit
		find "$STATE/$below" -mindepth 1 -maxdepth 1 -print -quit
	done
}

purge_state() {
	[ -d "$STATE" ] || return 0
	if [ -n "$(dear)" ]; then
		echo "$STATE holds what cannot be made again, and stays. When it is not needed any more:" >&2
		echo "  rm -r $STATE" >&2
		return 0
	fi
	rm -rf "$STATE"
	# The home of the user cis490 goes when nothing else is in it.
	rmdir --ignore-fail-on-non-empty /var/lib/cis490 2>/dev/null || true
}

case "$1" in
remove | purge)
	if [ -d /run/systemd/system ]; then
		systemctl --system daemon-reload >/dev/null || true
	fi
	;;
esac

if [ "$1" = purge ]; then
	rm -f "/etc/cis490/$CONFIG" "/etc/systemd/system/multi-user.target.wants/$PROGRAM.service"
	purge_state
	rmdir --ignore-fail-on-non-empty /etc/cis490 2>/dev/null || true
fi
