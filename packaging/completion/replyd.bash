# Made by `npm run docs` from the help of the commands. Change that, not this file.
_replyd() {
  local cur=${COMP_WORDS[COMP_CWORD]} path='' value='' at word
  # Bash splits --option=value into three words.
  local words=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=${COMP_WORDS[at]}
    [[ $word == = ]] || words+=("$word")
  done
  [[ $cur != = ]] || cur=''
  for word in "${words[@]}"; do
    if [[ -n $value ]]; then
      value=''
    elif [[ $word == -* ]]; then
      case "$path:$word" in
        ':-c' | ':--config' | 'serve:-c' | 'serve:--config' | 'demo:-c' | 'demo:--config' | 'doctor:-c' | 'doctor:--config' | 'doctor:--resolver' | 'stats:-c' | 'stats:--config' | 'init:-c' | 'init:--config' | 'init:--user' | 'init:--data-dir' | 'check-config:-c' | 'check-config:--config' | 'migrate:-c' | 'migrate:--config' | 'account add:-c' | 'account add:--config' | 'account add:--domain' | 'account add:--support-email' | 'account add:--name' | 'account list:-c' | 'account list:--config' | 'account show:-c' | 'account show:--config' | 'account set:-c' | 'account set:--config' | 'account enable:-c' | 'account enable:--config' | 'account disable:-c' | 'account disable:--config' | 'account remove:-c' | 'account remove:--config' | 'conversation start:-c' | 'conversation start:--config' | 'conversation start:--account' | 'conversation start:--contact' | 'conversation start:--contact-name' | 'conversation start:--channel' | 'conversation start:--source-id' | 'conversation start:--subject' | 'conversation start:--text' | 'conversation start:--token' | 'conversation list:-c' | 'conversation list:--config' | 'conversation list:--account' | 'conversation list:--status' | 'conversation list:--contact' | 'conversation list:--assignee' | 'conversation list:--channel' | 'conversation list:--limit' | 'conversation show:-c' | 'conversation show:--config' | 'conversation reply:-c' | 'conversation reply:--config' | 'conversation reply:--text' | 'conversation reply:--agent' | 'conversation reply:--agent-email' | 'conversation reply:--attach' | 'conversation reply:--cc' | 'conversation reply:--delay' | 'conversation note:-c' | 'conversation note:--config' | 'conversation note:--text' | 'conversation note:--agent' | 'conversation resolve:-c' | 'conversation resolve:--config' | 'conversation reopen:-c' | 'conversation reopen:--config' | 'conversation seen:-c' | 'conversation seen:--config' | 'conversation rotate-token:-c' | 'conversation rotate-token:--config' | 'conversation rotate-token:--participant' | 'conversation assign:-c' | 'conversation assign:--config' | 'conversation cc:-c' | 'conversation cc:--config' | 'conversation remove:-c' | 'conversation remove:--config' | 'agent add:-c' | 'agent add:--config' | 'agent add:--account' | 'agent add:--name' | 'agent add:--notify' | 'agent list:-c' | 'agent list:--config' | 'agent list:--account' | 'agent show:-c' | 'agent show:--config' | 'agent set:-c' | 'agent set:--config' | 'agent set:--account' | 'agent link:-c' | 'agent link:--config' | 'agent disable:-c' | 'agent disable:--config' | 'agent enable:-c' | 'agent enable:--config' | 'agent remove:-c' | 'agent remove:--config' | 'agent remove:--account' | 'contact list:-c' | 'contact list:--config' | 'contact list:--account' | 'contact list:--email' | 'contact list:--limit' | 'contact show:-c' | 'contact show:--config' | 'contact set:-c' | 'contact set:--config' | 'contact clear:-c' | 'contact clear:--config' | 'contact export:-c' | 'contact export:--config' | 'contact remove:-c' | 'contact remove:--config' | 'message show:-c' | 'message show:--config' | 'message release:-c' | 'message release:--config' | 'message drop:-c' | 'message drop:--config' | 'attachment get:-c' | 'attachment get:--config' | 'attachment get:-o' | 'attachment get:--output' | 'mail list:-c' | 'mail list:--config' | 'mail list:--state' | 'mail list:--account' | 'mail list:--limit' | 'mail show:-c' | 'mail show:--config' | 'mail explain:-c' | 'mail explain:--config' | 'mail clear:-c' | 'mail clear:--config' | 'mail clear:--state' | 'mail clear:--older' | 'mail reprocess:-c' | 'mail reprocess:--config' | 'mail reprocess:--since' | 'import chatwoot:-c' | 'import chatwoot:--config' | 'import chatwoot:--account' | 'deliver:-c' | 'deliver:--config' | 'deliver:--door' | 'deliver:--socket' | 'deliver:--sender' | 'search:-c' | 'search:--config' | 'search:--account' | 'search:--limit' | 'trace:-c' | 'trace:--config' | 'check:-c' | 'check:--config' | 'backup:-c' | 'backup:--config' | 'restore:-c' | 'restore:--config' | 'restore:--user' | 'migrate-store:-c' | 'migrate-store:--config' | 'migrate-store:--user' | 'queue list:-c' | 'queue list:--config' | 'queue list:--state' | 'queue list:--account' | 'queue list:--hook' | 'queue list:--limit' | 'queue show:-c' | 'queue show:--config' | 'queue retry:-c' | 'queue retry:--config' | 'queue retry:--state' | 'queue cancel:-c' | 'queue cancel:--config' | 'queue pause:-c' | 'queue pause:--config' | 'queue pause:--reason' | 'queue resume:-c' | 'queue resume:--config' | 'key add:-c' | 'key add:--config' | 'key add:--name' | 'key list:-c' | 'key list:--config' | 'key revoke:-c' | 'key revoke:--config' | 'dkim add:-c' | 'dkim add:--config' | 'dkim add:--selector' | 'dkim list:-c' | 'dkim list:--config' | 'dkim rotate:-c' | 'dkim rotate:--config' | 'dkim rotate:--selector' | 'dkim remove:-c' | 'dkim remove:--config' | 'hook add:-c' | 'hook add:--config' | 'hook add:--types' | 'hook list:-c' | 'hook list:--config' | 'hook test:-c' | 'hook test:--config' | 'hook rotate:-c' | 'hook rotate:--config' | 'hook remove:-c' | 'hook remove:--config' | 'systemd:-c' | 'systemd:--config' | 'systemd:--user' | 'systemd:--output' | 'tail:-c' | 'tail:--config' | 'tail:--account' | 'tail:--after') value=$path:$word ;;
      esac
    else
      case "${path:+$path }$word" in
        'serve' | 'demo' | 'doctor' | 'stats' | 'init' | 'check-config' | 'migrate' | 'account' | 'account add' | 'account list' | 'account show' | 'account set' | 'account enable' | 'account disable' | 'account remove' | 'conversation' | 'conversation start' | 'conversation list' | 'conversation show' | 'conversation reply' | 'conversation note' | 'conversation resolve' | 'conversation reopen' | 'conversation seen' | 'conversation rotate-token' | 'conversation assign' | 'conversation cc' | 'conversation remove' | 'agent' | 'agent add' | 'agent list' | 'agent show' | 'agent set' | 'agent link' | 'agent disable' | 'agent enable' | 'agent remove' | 'contact' | 'contact list' | 'contact show' | 'contact set' | 'contact clear' | 'contact export' | 'contact remove' | 'message' | 'message show' | 'message release' | 'message drop' | 'attachment' | 'attachment get' | 'mail' | 'mail list' | 'mail show' | 'mail explain' | 'mail clear' | 'mail reprocess' | 'import' | 'import chatwoot' | 'deliver' | 'search' | 'trace' | 'check' | 'backup' | 'restore' | 'migrate-store' | 'queue' | 'queue list' | 'queue show' | 'queue retry' | 'queue cancel' | 'queue pause' | 'queue resume' | 'key' | 'key add' | 'key list' | 'key revoke' | 'dkim' | 'dkim add' | 'dkim list' | 'dkim rotate' | 'dkim remove' | 'hook' | 'hook add' | 'hook list' | 'hook test' | 'hook rotate' | 'hook remove' | 'systemd' | 'tail') path="${path:+$path }$word" ;;
      esac
    fi
  done
  COMPREPLY=()
  if [[ -n $value ]]; then
    case "$value" in
      'init:--data-dir' | 'systemd:--output') compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
      ':-c' | ':--config' | 'serve:-c' | 'serve:--config' | 'demo:-c' | 'demo:--config' | 'doctor:-c' | 'doctor:--config' | 'stats:-c' | 'stats:--config' | 'init:-c' | 'init:--config' | 'check-config:-c' | 'check-config:--config' | 'migrate:-c' | 'migrate:--config' | 'account add:-c' | 'account add:--config' | 'account list:-c' | 'account list:--config' | 'account show:-c' | 'account show:--config' | 'account set:-c' | 'account set:--config' | 'account enable:-c' | 'account enable:--config' | 'account disable:-c' | 'account disable:--config' | 'account remove:-c' | 'account remove:--config' | 'conversation start:-c' | 'conversation start:--config' | 'conversation list:-c' | 'conversation list:--config' | 'conversation show:-c' | 'conversation show:--config' | 'conversation reply:-c' | 'conversation reply:--config' | 'conversation reply:--attach' | 'conversation note:-c' | 'conversation note:--config' | 'conversation resolve:-c' | 'conversation resolve:--config' | 'conversation reopen:-c' | 'conversation reopen:--config' | 'conversation seen:-c' | 'conversation seen:--config' | 'conversation rotate-token:-c' | 'conversation rotate-token:--config' | 'conversation assign:-c' | 'conversation assign:--config' | 'conversation cc:-c' | 'conversation cc:--config' | 'conversation remove:-c' | 'conversation remove:--config' | 'agent add:-c' | 'agent add:--config' | 'agent list:-c' | 'agent list:--config' | 'agent show:-c' | 'agent show:--config' | 'agent set:-c' | 'agent set:--config' | 'agent link:-c' | 'agent link:--config' | 'agent disable:-c' | 'agent disable:--config' | 'agent enable:-c' | 'agent enable:--config' | 'agent remove:-c' | 'agent remove:--config' | 'contact list:-c' | 'contact list:--config' | 'contact show:-c' | 'contact show:--config' | 'contact set:-c' | 'contact set:--config' | 'contact clear:-c' | 'contact clear:--config' | 'contact export:-c' | 'contact export:--config' | 'contact remove:-c' | 'contact remove:--config' | 'message show:-c' | 'message show:--config' | 'message release:-c' | 'message release:--config' | 'message drop:-c' | 'message drop:--config' | 'attachment get:-c' | 'attachment get:--config' | 'attachment get:-o' | 'attachment get:--output' | 'mail list:-c' | 'mail list:--config' | 'mail show:-c' | 'mail show:--config' | 'mail explain:-c' | 'mail explain:--config' | 'mail clear:-c' | 'mail clear:--config' | 'mail reprocess:-c' | 'mail reprocess:--config' | 'import chatwoot:-c' | 'import chatwoot:--config' | 'deliver:-c' | 'deliver:--config' | 'deliver:--socket' | 'search:-c' | 'search:--config' | 'trace:-c' | 'trace:--config' | 'check:-c' | 'check:--config' | 'backup:-c' | 'backup:--config' | 'restore:-c' | 'restore:--config' | 'migrate-store:-c' | 'migrate-store:--config' | 'queue list:-c' | 'queue list:--config' | 'queue show:-c' | 'queue show:--config' | 'queue retry:-c' | 'queue retry:--config' | 'queue cancel:-c' | 'queue cancel:--config' | 'queue pause:-c' | 'queue pause:--config' | 'queue resume:-c' | 'queue resume:--config' | 'key add:-c' | 'key add:--config' | 'key list:-c' | 'key list:--config' | 'key revoke:-c' | 'key revoke:--config' | 'dkim add:-c' | 'dkim add:--config' | 'dkim list:-c' | 'dkim list:--config' | 'dkim rotate:-c' | 'dkim rotate:--config' | 'dkim remove:-c' | 'dkim remove:--config' | 'hook add:-c' | 'hook add:--config' | 'hook list:-c' | 'hook list:--config' | 'hook test:-c' | 'hook test:--config' | 'hook rotate:-c' | 'hook rotate:--config' | 'hook remove:-c' | 'hook remove:--config' | 'systemd:-c' | 'systemd:--config' | 'tail:-c' | 'tail:--config') compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    esac
    return
  fi
  local verbs='' flags='' files=''
  case "$path" in
    '') verbs='serve demo doctor stats init check-config migrate account conversation agent contact message attachment mail import deliver search trace check backup restore migrate-store queue key dkim hook systemd tail' flags='-c --config -V --version -h --help' files='' ;;
    'serve') verbs='' flags='-c --config -h --help' files='' ;;
    'demo') verbs='' flags='-c --config -h --help' files='' ;;
    'doctor') verbs='' flags='-c --config --json --resolver -h --help' files='' ;;
    'stats') verbs='' flags='-c --config --json -h --help' files='' ;;
    'init') verbs='' flags='-c --config --user --data-dir --json -h --help' files='' ;;
    'check-config') verbs='' flags='-c --config --json -h --help' files='' ;;
    'migrate') verbs='' flags='-c --config --json -h --help' files='' ;;
    'account') verbs='add list show set enable disable remove' flags='-h --help' files='' ;;
    'account add') verbs='' flags='-c --config --domain --support-email --name --json -h --help' files='' ;;
    'account list') verbs='' flags='-c --config --json -h --help' files='' ;;
    'account show') verbs='' flags='-c --config --json -h --help' files='' ;;
    'account set') verbs='' flags='-c --config --json -h --help' files='' ;;
    'account enable') verbs='' flags='-c --config --json -h --help' files='' ;;
    'account disable') verbs='' flags='-c --config --json -h --help' files='' ;;
    'account remove') verbs='' flags='-c --config --yes --json -h --help' files='' ;;
    'conversation') verbs='start list show reply note resolve reopen seen rotate-token assign cc remove' flags='-h --help' files='' ;;
    'conversation start') verbs='' flags='-c --config --account --contact --contact-name --channel --source-id --subject --text --token --json -h --help' files='' ;;
    'conversation list') verbs='' flags='-c --config --account --status --contact --assignee --held --channel --limit --json -h --help' files='' ;;
    'conversation show') verbs='' flags='-c --config --json -h --help' files='' ;;
    'conversation reply') verbs='' flags='-c --config --text --agent --agent-email --attach --cc --delay --json -h --help' files='' ;;
    'conversation note') verbs='' flags='-c --config --text --agent --json -h --help' files='' ;;
    'conversation resolve') verbs='' flags='-c --config --json -h --help' files='' ;;
    'conversation reopen') verbs='' flags='-c --config --json -h --help' files='' ;;
    'conversation seen') verbs='' flags='-c --config --json -h --help' files='' ;;
    'conversation rotate-token') verbs='' flags='-c --config --participant --json -h --help' files='' ;;
    'conversation assign') verbs='' flags='-c --config --json -h --help' files='' ;;
    'conversation cc') verbs='' flags='-c --config --json -h --help' files='' ;;
    'conversation remove') verbs='' flags='-c --config --yes --json -h --help' files='' ;;
    'agent') verbs='add list show set link disable enable remove' flags='-h --help' files='' ;;
    'agent add') verbs='' flags='-c --config --account --name --admin --notify --json -h --help' files='' ;;
    'agent list') verbs='' flags='-c --config --account --json -h --help' files='' ;;
    'agent show') verbs='' flags='-c --config --json -h --help' files='' ;;
    'agent set') verbs='' flags='-c --config --account --json -h --help' files='' ;;
    'agent link') verbs='' flags='-c --config --json -h --help' files='' ;;
    'agent disable') verbs='' flags='-c --config --json -h --help' files='' ;;
    'agent enable') verbs='' flags='-c --config --json -h --help' files='' ;;
    'agent remove') verbs='' flags='-c --config --account --yes --json -h --help' files='' ;;
    'contact') verbs='list show set clear export remove' flags='-h --help' files='' ;;
    'contact list') verbs='' flags='-c --config --account --email --limit --json -h --help' files='' ;;
    'contact show') verbs='' flags='-c --config --json -h --help' files='' ;;
    'contact set') verbs='' flags='-c --config --json -h --help' files='' ;;
    'contact clear') verbs='' flags='-c --config --json -h --help' files='' ;;
    'contact export') verbs='' flags='-c --config -h --help' files='' ;;
    'contact remove') verbs='' flags='-c --config --yes --json -h --help' files='' ;;
    'message') verbs='show release drop' flags='-h --help' files='' ;;
    'message show') verbs='' flags='-c --config --raw --json -h --help' files='' ;;
    'message release') verbs='' flags='-c --config --json -h --help' files='' ;;
    'message drop') verbs='' flags='-c --config --json -h --help' files='' ;;
    'attachment') verbs='get' flags='-h --help' files='' ;;
    'attachment get') verbs='' flags='-c --config -o --output --replace --json -h --help' files='' ;;
    'mail') verbs='list show explain clear reprocess' flags='-h --help' files='' ;;
    'mail list') verbs='' flags='-c --config --state --account --limit --json -h --help' files='' ;;
    'mail show') verbs='' flags='-c --config --json -h --help' files='' ;;
    'mail explain') verbs='' flags='-c --config --json -h --help' files='file' ;;
    'mail clear') verbs='' flags='-c --config --state --older --yes --json -h --help' files='' ;;
    'mail reprocess') verbs='' flags='-c --config --all --dry-run --since --json -h --help' files='' ;;
    'import') verbs='chatwoot' flags='-h --help' files='' ;;
    'import chatwoot') verbs='' flags='-c --config --account --json -h --help' files='file' ;;
    'deliver') verbs='' flags='-c --config --door --socket --sender -h --help' files='' ;;
    'search') verbs='' flags='-c --config --account --limit --json -h --help' files='' ;;
    'trace') verbs='' flags='-c --config --json -h --help' files='' ;;
    'check') verbs='' flags='-c --config --json -h --help' files='' ;;
    'backup') verbs='' flags='-c --config --replace --json -h --help' files='file' ;;
    'restore') verbs='' flags='-c --config --replace --user --json -h --help' files='file' ;;
    'migrate-store') verbs='' flags='-c --config --replace --user --json -h --help' files='' ;;
    'queue') verbs='list show retry cancel pause resume' flags='-h --help' files='' ;;
    'queue list') verbs='' flags='-c --config --state --account --hook --limit --json -h --help' files='' ;;
    'queue show') verbs='' flags='-c --config --json -h --help' files='' ;;
    'queue retry') verbs='' flags='-c --config --state --json -h --help' files='' ;;
    'queue cancel') verbs='' flags='-c --config --json -h --help' files='' ;;
    'queue pause') verbs='' flags='-c --config --reason --json -h --help' files='' ;;
    'queue resume') verbs='' flags='-c --config --json -h --help' files='' ;;
    'key') verbs='add list revoke' flags='-h --help' files='' ;;
    'key add') verbs='' flags='-c --config --operator --name --json -h --help' files='' ;;
    'key list') verbs='' flags='-c --config --json -h --help' files='' ;;
    'key revoke') verbs='' flags='-c --config --json -h --help' files='' ;;
    'dkim') verbs='add list rotate remove' flags='-h --help' files='' ;;
    'dkim add') verbs='' flags='-c --config --selector --json -h --help' files='' ;;
    'dkim list') verbs='' flags='-c --config --json -h --help' files='' ;;
    'dkim rotate') verbs='' flags='-c --config --selector --now --json -h --help' files='' ;;
    'dkim remove') verbs='' flags='-c --config --yes --json -h --help' files='' ;;
    'hook') verbs='add list test rotate remove' flags='-h --help' files='' ;;
    'hook add') verbs='' flags='-c --config --types --json -h --help' files='' ;;
    'hook list') verbs='' flags='-c --config --json -h --help' files='' ;;
    'hook test') verbs='' flags='-c --config --json -h --help' files='' ;;
    'hook rotate') verbs='' flags='-c --config --json -h --help' files='' ;;
    'hook remove') verbs='' flags='-c --config --yes --json -h --help' files='' ;;
    'systemd') verbs='' flags='-c --config --sockets --user --output --json -h --help' files='' ;;
    'tail') verbs='' flags='-c --config --account --after --json -h --help' files='' ;;
  esac
  if [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
  elif [[ -n $verbs ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur")
  elif [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  fi
}
complete -F _replyd replyd
