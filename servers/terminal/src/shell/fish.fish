# Marks the prompts and commands of an interactive fish (OSC 133). Read after the person's own files.
set -g __mark_key $TERMINAL_MARK_KEY
set -e TERMINAL_MARK_KEY

function __mark_prompt --on-event fish_prompt
    printf '\e]133;A;k=%s\a' $__mark_key
end

function __mark_started --on-event fish_preexec
    printf '\e]133;C;k=%s\a' $__mark_key
end

function __mark_ended --on-event fish_postexec
    printf '\e]133;D;%s;k=%s\a' $status $__mark_key
end

functions -q fish_prompt
and functions -c fish_prompt __mark_user_prompt
or function __mark_user_prompt
    printf '> '
end

function fish_prompt
    __mark_user_prompt
    printf '\e]133;B;k=%s\a' $__mark_key
end
