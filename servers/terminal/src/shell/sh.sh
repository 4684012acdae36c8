# An interactive POSIX shell whose prompts are marked (OSC 133). The person's own file comes first.
if [ -n "$TERMINAL_USER_ENV" ] && [ -r "$TERMINAL_USER_ENV" ]; then
    . "$TERMINAL_USER_ENV"
fi

__mark_escape=$(printf '\033')
__mark_bell=$(printf '\007')
__mark() { printf '%s]133;%s;k=%s%s' "$__mark_escape" "$1" "$TERMINAL_MARK_KEY" "$__mark_bell"; }

# The shell puts the last exit code in place of $? each time it shows the prompt.
PS1="$(__mark 'D;$?')$(__mark A)$PS1$(__mark B)"

unset -f __mark
unset TERMINAL_MARK_KEY TERMINAL_USER_ENV ENV __mark_escape __mark_bell
