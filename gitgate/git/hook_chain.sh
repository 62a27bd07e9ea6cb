#!/bin/sh
# Runs in the place of each hook of a repository while somebody pushes who may not rewind. See repository_hooks.py.

hook=$GITGATE_HOOKS/${0##*/}

# What git sees is the repository's own configuration again, without the core.hooksPath that led here.
GIT_CONFIG_COUNT=$((GIT_CONFIG_COUNT - 1))
export GIT_CONFIG_COUNT

forward_only() {
	number=0
	while eval "refs=\${GITGATE_FORWARD_ONLY_$number-}" && [ -n "$refs" ]; do
		case $refs in *"
$1
"*) return 0 ;; esac
		number=$((number + 1))
	done
	return 1
}

case ${0##*/} in
pre-receive)
	input=$(cat && echo .)
	input=${input%.}
	rewound=
	while read -r old new ref; do
		case $old$new in *[!0]*) ;; *) continue ;; esac
		case $old in *[!0]*) ;; *) continue ;; esac
		case $new in *[!0]*) ;; *) continue ;; esac
		if forward_only "$ref" && ! git --no-replace-objects merge-base --is-ancestor "$old" "$new"; then
			rewound="$rewound$ref
"
		fi
	done <<-COMMANDS
		$input
	COMMANDS
	if [ -n "$rewound" ]; then
		# gitgate tells the client, in git's place, and then lets git go on.
		printf '%s\n' "$rewound" >&3
		read -r known <&4
		exit 1
	fi
	[ -x "$hook" ] || exit 0
	printf '%s' "$input" | "$hook" "$@" 3>&- 4<&-
	;;
*)
	exec "$hook" "$@" 3>&- 4<&-
	;;
esac
