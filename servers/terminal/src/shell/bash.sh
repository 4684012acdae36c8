# An interactive bash whose prompts and commands are marked (OSC 133). The person's own file comes first.
[ -r ~/.bashrc ] && . ~/.bashrc

__mark_key=$TERMINAL_MARK_KEY
# What is typed here is in the audit; the person's own history stays theirs.
unset TERMINAL_MARK_KEY HISTFILE

__mark_begin='\[\e]133;A;k='$__mark_key'\a\]'
__mark_end='\[\e]133;B;k='$__mark_key'\a\]'
__mark_output='\e]133;C;k='$__mark_key'\a'
__mark_commands=("${PROMPT_COMMAND[@]}")

__mark_status() { return "$1"; }

__mark_prompt() {
    local __mark_last=$? __mark_command
    printf '\e]133;D;%s;k=%s\a' "$__mark_last" "$__mark_key"
    for __mark_command in "${__mark_commands[@]}"; do
        __mark_status "$__mark_last"
        eval "$__mark_command"
    done
    # The person's own commands may have set the prompt anew.
    case $PS1 in *"$__mark_begin"*) ;; *) PS1=$__mark_begin$PS1$__mark_end ;; esac
    case $PS0 in *"$__mark_output"*) ;; *) PS0=$PS0$__mark_output ;; esac
    return "$__mark_last"
}

unset PROMPT_COMMAND
PROMPT_COMMAND=__mark_prompt
