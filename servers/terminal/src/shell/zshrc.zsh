# An interactive zsh whose prompts and commands are marked (OSC 133). The person's own file comes first.
ZDOTDIR=$TERMINAL_USER_ZDOTDIR
[[ -r $ZDOTDIR/.zshrc ]] && source $ZDOTDIR/.zshrc

typeset -g __mark_key=$TERMINAL_MARK_KEY
# What is typed here is in the audit; the person's own history stays theirs.
unset TERMINAL_MARK_KEY TERMINAL_ZDOTDIR TERMINAL_USER_ZDOTDIR HISTFILE
[[ $ZDOTDIR == $HOME ]] && unset ZDOTDIR

# What a command wrote last has no mark of ours at its end.
PROMPT_EOL_MARK=''

typeset -g __mark_begin=$'%{\e]133;A;k='$__mark_key$'\a%}'
typeset -g __mark_end=$'%{\e]133;B;k='$__mark_key$'\a%}'

__mark_ended() { print -n "\e]133;D;$?;k=$__mark_key\a" }
# The person's own functions may have set the prompt anew.
__mark_prompt() { [[ $PS1 == *$__mark_begin* ]] || PS1=$__mark_begin$PS1$__mark_end }
__mark_started() { print -n "\e]133;C;k=$__mark_key\a" }

precmd_functions=(__mark_ended $precmd_functions __mark_prompt)
preexec_functions+=(__mark_started)
