# complete.zsh FILE LINE: what zsh offers at the end of LINE when FILE is sourced, a line each. zsh completes only in its
# line editor, so a second zsh runs in a pseudo-terminal, with a compadd that also says what it is given.
zmodload zsh/zpty
zpty -b z zsh -f -i
zpty -w z 'PROMPT= RPROMPT=; stty -echo; autoload -Uz compinit; compinit -u -D; source '${(q)1}
zpty -w z 'compadd () {
  local -a asks offered
  zparseopts -E -a asks O: A: D:
  if (( ! $#asks )); then
    builtin compadd -A offered "$@"
    (( $#offered )) && print -r -l -- "<"${^offered}">"
  fi
  builtin compadd "$@"
}
say-end () { print -r "<>" }'
# One line, for it takes the Enter key away.
zpty -w z 'zle -N say-end; bindkey "^M" say-end; bindkey "^J" say-end; bindkey "^I" complete-word; print "<"ready">"'
zpty -r -m z out '*<ready>*'
zpty -w -n z "$2"$'\t\r'
zpty -r -m z out '*<>*'
print -r -- "$out" | sed -n 's/.*<\([^>]\{1,\}\)>.*/\1/p'
