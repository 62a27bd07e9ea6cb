#!/bin/sh
# Runs in the place of each hook of a repository while somebody pushes who may not rewind. See repository_hooks.py.

hook=$GITGATE_HOOKS/${0##*/}

# What git sees is the repository's own configuration again, without the core.hooksPath that led here.
GIT_CONFIG_COUNT=$((GIT_CONFIG_COUNT - 1))
export GIT_CONFIG_COUNT

case ${0##*/} in
pre-receive)
	input=$(cat && echo .)
	input=${input%.}
	{
		while read -r old new ref; do
			case $old in *[!0]*) ;; *) continue ;; esac
			case $new in *[!0]*) ;; *) continue ;; esac
			errors=$(git --no-replace-objects merge-base --is-ancestor "$old" "$new" 2>&1) && continue
			printf '%s\n' "$ref"
			# A branch is of commits. Anywhere else it is no error that something else cannot be moved forward.
			case $ref in refs/heads/*) printf '%s' "$errors" >&2 ;; esac
		done <<-COMMANDS
			$input
		COMMANDS
		printf '\t.\n'
	} >&3 3>&- 4<&-
	# gitgate knows which of them may be rewound. Where one may not, it tells the client, in git's place.
	read -r answer <&4
	[ "$answer" = go ] || exit 1
	[ -x "$hook" ] || exit 0
	printf '%s' "$input" | "$hook" "$@" 3>&- 4<&-
	;;
*)
	exec "$hook" "$@" 3>&- 4<&-
	;;
esac
