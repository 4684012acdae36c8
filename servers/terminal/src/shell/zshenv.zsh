# Read by zsh in place of the person's file, which is read here.
ZDOTDIR=${TERMINAL_USER_ZDOTDIR:-$HOME}
[[ -r $ZDOTDIR/.zshenv ]] && source $ZDOTDIR/.zshenv
TERMINAL_USER_ZDOTDIR=$ZDOTDIR
ZDOTDIR=$TERMINAL_ZDOTDIR
