#!/bin/sh
set -e

configure() {
	systemd-sysusers "/usr/lib/sysusers.d/$PROGRAM.conf"
	systemd-tmpfiles --create "/usr/lib/tmpfiles.d/$PROGRAM.conf"
	# No conffile: an upgrade on a host that nobody watches must never stop to ask about it.
	if [ ! -e "/etc/cis490/$CONFIG" ] && [ ! -L "/etc/cis490/$CONFIG" ]; then
		install -m 0640 -o root -g cis490 "/usr/share/$PROGRAM/$CONFIG" "/etc/cis490/$CONFIG"
	fi
}

# What an older version left that a newer one must not take up: while nothing is on its way. What it finds is said, and stops nothing.
before_restart() {
	[ -n "$BEFORE_RESTART" ] || return 0
	if [ -d /run/systemd/system ] && systemctl --quiet is-active "$PROGRAM.service"; then
		STOPPED=yes
		deb-systemd-invoke stop "$PROGRAM.service" >/dev/null || true
	fi
	runuser -u cis490 -- "/usr/bin/$PROGRAM" "$BEFORE_RESTART" || echo "$PROGRAM $BEFORE_RESTART ended with $?" >&2
}

enabled() {
	systemctl --quiet is-enabled "$PROGRAM.service" 2>/dev/null
}

# Two installations get in each other's way; the one in /usr/local is found first.
warn_of_checkout() {
	[ -e "/usr/local/bin/$PROGRAM" ] || return 0
	echo "$PROGRAM was installed from a checkout too, and that one is used. To use the package:" >&2
	echo "  rm -r /usr/local/bin/$PROGRAM /usr/local/lib/$PROGRAM /usr/local/lib/systemd/system/$PROGRAM.service && systemctl daemon-reload" >&2
}

case "$1" in
configure)
	configure
	warn_of_checkout
	if [ -d /run/systemd/system ]; then
		systemctl --system daemon-reload >/dev/null || true
	fi
	if [ -n "$2" ]; then
		STOPPED=
		before_restart
		# Who runs a unit that is not enabled has it running again.
		if [ -n "$STOPPED" ]; then
			systemctl start "$PROGRAM.service" || true
		elif [ -d /run/systemd/system ]; then
			deb-systemd-invoke restart "$PROGRAM.service" >/dev/null || true
		fi
	elif enabled; then
		before_restart
		if [ -d /run/systemd/system ]; then
			deb-systemd-invoke start "$PROGRAM.service" >/dev/null || true
		fi
	else
		echo "$PROGRAM does not run yet: $FIRST_OF_ALL in /etc/cis490/$CONFIG, then"
		echo "  systemctl enable --now $PROGRAM"
	fi
	;;
abort-upgrade | abort-remove | abort-deconfigure)
	if enabled && [ -d /run/systemd/system ]; then
		deb-systemd-invoke start "$PROGRAM.service" >/dev/null || true
	fi
	;;
*)
	echo "postinst called with unknown argument '$1'" >&2
	exit 1
	;;
esac
