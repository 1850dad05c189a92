# shellcheck shell=sh
# How a program is installed from a checkout. Sourced by scripts/install-*.sh, which say which one:
# PROGRAM, CONFIG, FIRST_OF_ALL, BEFORE_RESTART, AT_THE_END; and BESIDES, where something else is updated with it.

HOME_OF_ALL=/opt/cis490
CHECKOUT=$(cd "$(dirname "$0")/.." && pwd -P)
DRY_RUN=

say() { printf '%s\n' "$*"; }

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Does it, or with --dry-run says what would be done.
run() {
	if [ -n "$DRY_RUN" ]; then
		say "would run: $*"
	else
		"$@"
	fi
}

as_cis490() {
	runuser -u cis490 -- env HOME=/var/lib/cis490 "$@"
}

usage() {
	cat <<END
Usage: ${0##*/} [--dry-run]

Installs $PROGRAM from this checkout, or updates it; as root. May be run again at any time, from $HOME_OF_ALL too.

 - the user cis490, /etc/cis490, /var/lib/cis490
 - the checkout to $HOME_OF_ALL, if it is elsewhere, owned by cis490; its HEAD is this host's commit
 - the program with its own Node to /usr/local/lib/$PROGRAM, $PROGRAM to /usr/local/bin, its unit, man pages and completions
 - /etc/cis490/$CONFIG, if there is none: one that is there is never changed
 - a restart of $PROGRAM.service, if it is enabled or runs${BEFORE_RESTART:+, after $PROGRAM $BEFORE_RESTART}${BESIDES:+
 - $BESIDES}

The end shows what $PROGRAM has to say of this machine: $AT_THE_END.
It needs what npm has installed in the checkout, or else Node 20 or later with npm, and the network.

Exit status: 0 installed, whatever $PROGRAM found; 1 not installed, or not whole; 2 usage.
END
}

parse_options() {
	for option in "$@"; do
		case "$option" in
		--help | -h)
			usage
			exit 0
			;;
		--dry-run) DRY_RUN=yes ;;
		*)
			usage >&2
			exit 2
			;;
		esac
	done
}

# The user first: all that follows belongs to it, or is made by it.
make_user() {
	run systemd-sysusers --inline 'u cis490 - "CIS490" /var/lib/cis490 /usr/sbin/nologin'
	run install -d -m 0750 -o cis490 -g cis490 /var/lib/cis490
}

# Two installations get in each other's way; the one in /usr/local is found first.
warn_of_package() {
	if dpkg-query --show --showformat='${Status}' "$PROGRAM" 2>/dev/null | grep -q ' installed$'; then
		say "the package $PROGRAM is installed too, and will not be used: apt-get remove $PROGRAM"
	fi
}

# Goes on in the copy, so that what is installed and what says this host's commit are one.
move_home() {
	[ "$CHECKOUT" != "$HOME_OF_ALL" ] || return 0
	[ ! -f "$CHECKOUT/.git" ] || die "$CHECKOUT is a linked worktree and cannot be copied: git clone it to $HOME_OF_ALL and run this there"
	say "copying $CHECKOUT to $HOME_OF_ALL"
	[ -z "$DRY_RUN" ] || return 0
	mkdir -p "$HOME_OF_ALL"
	tar -C "$CHECKOUT" --exclude=./dist --exclude=./.tsbuild -cf - . | tar -C "$HOME_OF_ALL" --no-same-owner -xpf -
	exec "$HOME_OF_ALL/scripts/${0##*/}" "$@"
}

own_home() {
	run find "$HOME_OF_ALL" ! -user cis490 -exec chown -h cis490:cis490 {} +
}

fetched() {
	[ -e node_modules/.package-lock.json ] && [ -z "$(find package-lock.json -newer node_modules/.package-lock.json)" ]
}

# As the user that owns the checkout: what comes from the network never runs as root.
fetch() {
	if fetched; then
		:
	elif [ -n "$DRY_RUN" ] || command -v npm >/dev/null; then
		run as_cis490 npm ci --no-audit --no-fund
	elif [ -x node_modules/.bin/esbuild ]; then
		say "there is no npm here: node_modules is taken as it is"
	else
		die "there is no npm: apt-get install npm, or install the packages of a release"
	fi
	[ -n "$DRY_RUN" ] || node_modules/.bin/node --version >/dev/null || die "Node cannot run here: apt-get install libatomic1"
}

# Each file takes the place of the old one; what runs goes on with the old.
put_in_place() {
	if [ -n "$DRY_RUN" ]; then
		say "would build $PROGRAM and put it below /usr/local"
		return 0
	fi
	staged=$(as_cis490 mktemp -d)
	trap 'rm -rf "$staged"' EXIT
	as_cis490 node_modules/.bin/node packaging/stage.ts "$staged" "$PROGRAM"
	chmod 0755 "$staged"
	tar -C "$staged/usr/local" --owner=0 --group=0 --numeric-owner -cf - . |
		tar -C /usr/local --no-overwrite-dir --same-owner -xpf -
	rm -rf "$staged"
}

make_directories() {
	run systemd-sysusers "/usr/local/lib/sysusers.d/$PROGRAM.conf"
	run systemd-tmpfiles --create "/usr/local/lib/tmpfiles.d/$PROGRAM.conf"
}

keep_or_make_config() {
	NEW=
	if [ ! -e "/etc/cis490/$CONFIG" ] && [ ! -L "/etc/cis490/$CONFIG" ]; then
		NEW=yes
		run install -m 0640 -o root -g cis490 "/usr/local/share/$PROGRAM/$CONFIG" "/etc/cis490/$CONFIG"
	fi
}

enabled() {
	systemctl --quiet is-enabled "$PROGRAM.service" 2>/dev/null
}

active() {
	systemctl --quiet is-active "$PROGRAM.service" 2>/dev/null
}

# While nothing is on its way. What it finds is said, and stops nothing.
before_restart() {
	STOPPED=
	[ -n "$BEFORE_RESTART" ] && [ -z "$NEW" ] || return 0
	if active; then
		STOPPED=yes
		run systemctl stop "$PROGRAM.service"
	fi
	run as_cis490 "/usr/local/bin/$PROGRAM" "$BEFORE_RESTART" || say "$PROGRAM $BEFORE_RESTART ended with $?"
}

restart() {
	[ ! -d /run/systemd/system ] || run systemctl daemon-reload
	if [ -z "$STOPPED" ] && ! enabled && ! active; then
		say "$PROGRAM does not run by itself yet: $FIRST_OF_ALL in /etc/cis490/$CONFIG, then"
		say "  sudo systemctl enable --now $PROGRAM"
	elif [ -d /run/systemd/system ]; then
		run systemctl restart "$PROGRAM.service" || say "$PROGRAM did not start: journalctl -u $PROGRAM -n 20"
	fi
}

# ping as the one that sends; doctor as root, who may read the journal.
look_around() {
	for command in $AT_THE_END; do
		say
		say "$PROGRAM $command"
		case "$command" in
		doctor) run "/usr/local/bin/$PROGRAM" doctor || true ;;
		*) run as_cis490 "/usr/local/bin/$PROGRAM" "$command" || true ;;
		esac
	done
}

install_program() {
	parse_options "$@"
	[ "$(id -u)" = 0 ] || [ -n "$DRY_RUN" ] || die "run it as root: sudo $0"
	umask 022
	warn_of_package
	make_user
	move_home "$@"
	cd "$CHECKOUT" || exit
	own_home
	fetch
	put_in_place
	make_directories
	keep_or_make_config
	before_restart
	restart
	look_around
}
