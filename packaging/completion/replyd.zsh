#compdef replyd
# Made by `npm run docs` from the help of the commands. Change that, not this file.
_replyd() {
  local -a verbs
  local context state state_descr line
  typeset -A opt_args
  verbs=('serve:run the daemon in the foreground' 'demo:show the whole job in a throw-away store' 'doctor:find out what is wrong, and say what to do' 'stats:count what is in the store' 'init:write a configuration and make the store' 'check-config:check the configuration and say what is in force' 'migrate:bring the store'\''s schema up to date' 'account:tenants\: domains, support address, features' 'conversation:start, list, show, answer, resolve' 'agent:the people who answer' 'contact:the people who are written to' 'message:one entry of a conversation' 'attachment:files of messages' 'mail:mails as they came in' 'import:take over conversations of another system' 'deliver:hand a mail on standard input to the daemon, for pipes of MTAs' 'search:find messages by their words, the newest first' 'trace:show a mail'\''s way, from the door to its deliveries' 'check:look whether the store is whole' 'backup:copy the whole store into one file' 'restore:put a backup in the place of the store' 'migrate-store:move the store to PostgreSQL, back, or elsewhere' 'queue:mails on their way out' 'key:keys for the HTTP API' 'dkim:keys that sign mails' 'hook:where events are posted' 'systemd:print the units for systemd' 'tail:print events as they happen')
  _arguments -s -S -C '*-c+[the configuration (else $REPLYD_CONFIG, else /etc/replyd/config.toml)]:file:_files' '*--config=[the configuration (else $REPLYD_CONFIG, else /etc/replyd/config.toml)]:file:_files' '*-V[print the version]' '*--version[print the version]' '*-h[show help]' '*--help[show help]' '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe -t commands 'command' verbs ;;
    rest)
      case $line[1] in
        serve) _replyd_serve ;;
        demo) _replyd_demo ;;
        doctor) _replyd_doctor ;;
        stats) _replyd_stats ;;
        init) _replyd_init ;;
        check-config) _replyd_check_config ;;
        migrate) _replyd_migrate ;;
        account) _replyd_account ;;
        conversation) _replyd_conversation ;;
        agent) _replyd_agent ;;
        contact) _replyd_contact ;;
        message) _replyd_message ;;
        attachment) _replyd_attachment ;;
        mail) _replyd_mail ;;
        import) _replyd_import ;;
        deliver) _replyd_deliver ;;
        search) _replyd_search ;;
        trace) _replyd_trace ;;
        check) _replyd_check ;;
        backup) _replyd_backup ;;
        restore) _replyd_restore ;;
        migrate-store) _replyd_migrate_store ;;
        queue) _replyd_queue ;;
        key) _replyd_key ;;
        dkim) _replyd_dkim ;;
        hook) _replyd_hook ;;
        systemd) _replyd_systemd ;;
        tail) _replyd_tail ;;
      esac ;;
  esac
}

_replyd_serve() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_demo() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_doctor() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*--resolver=[ask this name server instead of the system’s, e.g. 9.9.9.9 or 127.0.0.1\:5353]:address:' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_stats() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_init() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--user=[the user that runs the daemon; the data belongs to him (root only)]:name:' '*--data-dir=[where the data goes]:folder:_files -/' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_check_config() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_migrate() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_account() {
  local -a verbs
  local context state state_descr line
  typeset -A opt_args
  verbs=('add:add a tenant' 'list:list the accounts' 'show:show an account' 'set:change settings, each as KEY=VALUE' 'enable:switch a feature on' 'disable:switch a feature off' 'remove:remove an account with everything in it')
  _arguments -s -S -C '*-h[show help]' '*--help[show help]' '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe -t commands 'verb of account' verbs ;;
    rest)
      case $line[1] in
        add) _replyd_account_add ;;
        list) _replyd_account_list ;;
        show) _replyd_account_show ;;
        set) _replyd_account_set ;;
        enable) _replyd_account_enable ;;
        disable) _replyd_account_disable ;;
        remove) _replyd_account_remove ;;
      esac ;;
  esac
}

_replyd_account_add() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--domain=[inbound domain, may be given several times]:domain:' '*--support-email=[the address that customers know, the From of every mail]:address:' '*--name=[the name that customers read (default\: the slug)]:name:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_account_list() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_account_show() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_account_set() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_account_enable() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_account_disable() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_account_remove() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--yes[do not ask]' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_conversation() {
  local -a verbs
  local context state state_descr line
  typeset -A opt_args
  verbs=('start:start a conversation' 'list:list conversations, the latest activity first' 'show:show a conversation with its messages' 'reply:answer as an agent; the answer is mailed at once' 'note:add a note that only the team sees' 'resolve:mark as resolved; an answer of the customer opens it again' 'reopen:mark as open' 'seen:the customer saw it in the channel\: what waits is not mailed' 'rotate-token:give a participant a new reply address and revoke the old' 'assign:assign it to an agent of its account, or to nobody (none)' 'cc:show who gets the answers beside the customer; add somebody, or remove him' 'remove:remove a conversation with its messages, mails and attachments')
  _arguments -s -S -C '*-h[show help]' '*--help[show help]' '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe -t commands 'verb of conversation' verbs ;;
    rest)
      case $line[1] in
        start) _replyd_conversation_start ;;
        list) _replyd_conversation_list ;;
        show) _replyd_conversation_show ;;
        reply) _replyd_conversation_reply ;;
        note) _replyd_conversation_note ;;
        resolve) _replyd_conversation_resolve ;;
        reopen) _replyd_conversation_reopen ;;
        seen) _replyd_conversation_seen ;;
        rotate-token) _replyd_conversation_rotate_token ;;
        assign) _replyd_conversation_assign ;;
        cc) _replyd_conversation_cc ;;
        remove) _replyd_conversation_remove ;;
      esac ;;
  esac
}

_replyd_conversation_start() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--account=[whose conversation it is]:slug:' '*--contact=[the customer]:address:' '*--contact-name=[the customer'\''s name]:name:' '*--channel=[where it began\: web_widget, facebook, twitter, whatsapp, twilio_sms, telegram, line, api, email (default\: "api")]:channel:' '*--source-id=[the application'\''s own id of the conversation]:id:' '*--subject=[subject of its mails]:text:' '*--text=[what the customer said; - reads standard input]:text:' '*--token=[an existing token of the customer]:token:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_conversation_list() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--account=[of this account]:slug:' '*--status=[open or resolved]:status:' '*--contact=[of this customer]:address:' '*--assignee=[assigned to this agent, or none]:address:' '*--held[with a message that is held]' '*--channel=[that began there]:channel:' '*--limit=[at most so many, the newest first (default\: 50)]:n:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_conversation_show() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_conversation_reply() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--text=[the answer; - reads standard input]:text:' '*--agent=[who answers]:name:' '*--agent-email=[the agent'\''s own address, kept with the message]:address:' '*--attach=[a file to send along, may be given several times]:file:_files' '*--cc=[somebody else who gets a copy, may be given several times]:address:' '*--delay=[how long the mail waits, such as 10m]:duration:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_conversation_note() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--text=[the note; - reads standard input]:text:' '*--agent=[who wrote it]:name:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_conversation_resolve() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_conversation_reopen() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_conversation_seen() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_conversation_rotate_token() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--participant=[a participant'\''s address or id (default\: the contact)]:address:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_conversation_assign() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_conversation_cc() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_conversation_remove() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--yes[do not ask]' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_agent() {
  local -a verbs
  local context state state_descr line
  typeset -A opt_args
  verbs=('add:add a person who answers for an account' 'list:list the people who answer' 'show:show a person with all his accounts' 'set:change a person, each as KEY=VALUE' 'link:make a new link with which he chooses a password and signs in' 'disable:keep a person out\: his sessions and links end at once' 'enable:let a person in again, and notify him again whose mailbox was dead' 'remove:remove a person, or take him out of one account')
  _arguments -s -S -C '*-h[show help]' '*--help[show help]' '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe -t commands 'verb of agent' verbs ;;
    rest)
      case $line[1] in
        add) _replyd_agent_add ;;
        list) _replyd_agent_list ;;
        show) _replyd_agent_show ;;
        set) _replyd_agent_set ;;
        link) _replyd_agent_link ;;
        disable) _replyd_agent_disable ;;
        enable) _replyd_agent_enable ;;
        remove) _replyd_agent_remove ;;
      esac ;;
  esac
}

_replyd_agent_add() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--account=[for which he answers]:slug:' '*--name=[his name, as customers read it]:name:' '*--admin[may change the account'\''s settings and agents]' '*--notify=[mail him about messages\: assigned, all or none (default\: assigned)]:which:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_agent_list() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--account=[of this account]:slug:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_agent_show() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_agent_set() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--account=[in this account]:slug:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_agent_link() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_agent_disable() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_agent_enable() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_agent_remove() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--account=[out of this account; he goes with the last of his accounts]:slug:' '*--yes[do not ask]' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_contact() {
  local -a verbs
  local context state state_descr line
  typeset -A opt_args
  verbs=('list:list contacts, the newest first' 'show:show a contact, by id or address' 'set:change a contact, each as KEY=VALUE' 'clear:mail to him again after his address was found dead' 'export:write all that is his as a tar file to standard output' 'remove:remove a contact with all his conversations')
  _arguments -s -S -C '*-h[show help]' '*--help[show help]' '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe -t commands 'verb of contact' verbs ;;
    rest)
      case $line[1] in
        list) _replyd_contact_list ;;
        show) _replyd_contact_show ;;
        set) _replyd_contact_set ;;
        clear) _replyd_contact_clear ;;
        export) _replyd_contact_export ;;
        remove) _replyd_contact_remove ;;
      esac ;;
  esac
}

_replyd_contact_list() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--account=[of this account]:slug:' '*--email=[with this address]:address:' '*--limit=[at most so many, the newest first (default\: 50)]:n:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_contact_show() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_contact_set() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_contact_clear() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_contact_export() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_contact_remove() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--yes[do not ask]' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_message() {
  local -a verbs
  local context state state_descr line
  typeset -A opt_args
  verbs=('show:show a message with what was cut off, or the mail it came in' 'release:give a held message its effect' 'drop:end a held message\: it stays, without any effect')
  _arguments -s -S -C '*-h[show help]' '*--help[show help]' '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe -t commands 'verb of message' verbs ;;
    rest)
      case $line[1] in
        show) _replyd_message_show ;;
        release) _replyd_message_release ;;
        drop) _replyd_message_drop ;;
      esac ;;
  esac
}

_replyd_message_show() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--raw[the mail as it came in, byte for byte]' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_message_release() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_message_drop() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_attachment() {
  local -a verbs
  local context state state_descr line
  typeset -A opt_args
  verbs=('get:write an attachment to a file')
  _arguments -s -S -C '*-h[show help]' '*--help[show help]' '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe -t commands 'verb of attachment' verbs ;;
    rest)
      case $line[1] in
        get) _replyd_attachment_get ;;
      esac ;;
  esac
}

_replyd_attachment_get() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*-o+[where it goes; - is standard output]:file:_files' '*--output=[where it goes; - is standard output]:file:_files' '*--replace[a file that is there is replaced]' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_mail() {
  local -a verbs
  local context state state_descr line
  typeset -A opt_args
  verbs=('list:list mails, the newest first' 'show:show a mail\: envelope, state, what became of it' 'explain:explain what replyd understands of a mail, and why' 'clear:remove mails that stand in no conversation' 'reprocess:read mails again with what this version understands')
  _arguments -s -S -C '*-h[show help]' '*--help[show help]' '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe -t commands 'verb of mail' verbs ;;
    rest)
      case $line[1] in
        list) _replyd_mail_list ;;
        show) _replyd_mail_show ;;
        explain) _replyd_mail_explain ;;
        clear) _replyd_mail_clear ;;
        reprocess) _replyd_mail_reprocess ;;
      esac ;;
  esac
}

_replyd_mail_list() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--state=[filed, quarantined, refused, kept]:state:' '*--account=[of this account]:slug:' '*--limit=[at most so many, the newest first (default\: 50)]:n:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_mail_show() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_mail_explain() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :_files'
}

_replyd_mail_clear() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--state=[kept or refused]:state:' '*--older=[only what came longer ago, such as 30d]:duration:' '*--yes[do not ask]' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_mail_reprocess() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--all[every mail in a conversation, the newest first]' '*--dry-run[with --all\: only say what would change]' '*--since=[with --all\: only mails that came within it, such as 90d]:duration:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_import() {
  local -a verbs
  local context state state_descr line
  typeset -A opt_args
  verbs=('chatwoot:take over conversations of Chatwoot')
  _arguments -s -S -C '*-h[show help]' '*--help[show help]' '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe -t commands 'verb of import' verbs ;;
    rest)
      case $line[1] in
        chatwoot) _replyd_import_chatwoot ;;
      esac ;;
  esac
}

_replyd_import_chatwoot() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--account=[the account of all rows, in place of their own column]:slug:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :_files'
}

_replyd_deliver() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--door=[which MTA starts it\: postfix, exim, qmail]:mta:' '*--socket=[the daemon'\''s LMTP socket\: a path, unix\:/path or host\:port]:path:_files' '*--sender=[the envelope sender; '\'''\'', <> and MAILER-DAEMON are the null sender]:address:' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_search() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--account=[in this account]:slug:' '*--limit=[at most so many, the newest first (default\: 50)]:n:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_trace() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_check() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_backup() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--replace[an older backup under this name is replaced]' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :_files'
}

_replyd_restore() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--replace[replace the store that is there; its database is kept as replyd.db.replaced]' '*--user=[on a new machine\: the user that runs the daemon; the data belongs to him (root only)]:name:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :_files'
}

_replyd_migrate_store() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--replace[a store that is in the folder TO is put aside as replyd.db.replaced]' '*--user=[the user that runs the daemon; the folder TO belongs to him (root only)]:name:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_queue() {
  local -a verbs
  local context state state_descr line
  typeset -A opt_args
  verbs=('list:list deliveries, the newest first' 'show:show a delivery' 'retry:try deliveries now that wait, were put off or have failed' 'cancel:give a delivery up' 'pause:let no mail leave until `queue resume`' 'resume:let mails leave again, also after trouble with the smarthost')
  _arguments -s -S -C '*-h[show help]' '*--help[show help]' '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe -t commands 'verb of queue' verbs ;;
    rest)
      case $line[1] in
        list) _replyd_queue_list ;;
        show) _replyd_queue_show ;;
        retry) _replyd_queue_retry ;;
        cancel) _replyd_queue_cancel ;;
        pause) _replyd_queue_pause ;;
        resume) _replyd_queue_resume ;;
      esac ;;
  esac
}

_replyd_queue_list() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--state=[in this state]:state:' '*--account=[of this account]:slug:' '*--hook=[to this hook]:id:' '*--limit=[at most so many, the newest first (default\: 50)]:n:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_queue_show() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_queue_retry() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--state=[all in this state\: waiting, deferred, failed]:state:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_queue_cancel() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_queue_pause() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--reason=[shown by `queue list` and doctor]:text:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_queue_resume() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_key() {
  local -a verbs
  local context state state_descr line
  typeset -A opt_args
  verbs=('add:make a key for an account, or for all of them' 'list:list the keys' 'revoke:end a key at once')
  _arguments -s -S -C '*-h[show help]' '*--help[show help]' '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe -t commands 'verb of key' verbs ;;
    rest)
      case $line[1] in
        add) _replyd_key_add ;;
        list) _replyd_key_list ;;
        revoke) _replyd_key_revoke ;;
      esac ;;
  esac
}

_replyd_key_add() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--operator[good for all accounts]' '*--name=[what it is for]:name:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_key_list() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_key_revoke() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_dkim() {
  local -a verbs
  local context state state_descr line
  typeset -A opt_args
  verbs=('add:make the key that signs the mails of a support domain' 'list:list the keys that sign' 'rotate:change the key of a domain, in two steps' 'remove:remove a key; without one, mails of the domain are not signed')
  _arguments -s -S -C '*-h[show help]' '*--help[show help]' '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe -t commands 'verb of dkim' verbs ;;
    rest)
      case $line[1] in
        add) _replyd_dkim_add ;;
        list) _replyd_dkim_list ;;
        rotate) _replyd_dkim_rotate ;;
        remove) _replyd_dkim_remove ;;
      esac ;;
  esac
}

_replyd_dkim_add() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--selector=[its name in the DNS (default\: replyd and the date)]:name:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_dkim_list() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_dkim_rotate() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--selector=[its name in the DNS (default\: replyd and the date)]:name:' '*--now[let the waiting key sign without a look at the DNS]' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_dkim_remove() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--yes[do not ask]' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_hook() {
  local -a verbs
  local context state state_descr line
  typeset -A opt_args
  verbs=('add:post an account’s events to an address' 'list:list the hooks' 'test:post a test event now' 'rotate:make a new secret; for a day the old one signs too' 'remove:remove a hook with what waits for it')
  _arguments -s -S -C '*-h[show help]' '*--help[show help]' '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe -t commands 'verb of hook' verbs ;;
    rest)
      case $line[1] in
        add) _replyd_hook_add ;;
        list) _replyd_hook_list ;;
        test) _replyd_hook_test ;;
        rotate) _replyd_hook_rotate ;;
        remove) _replyd_hook_remove ;;
      esac ;;
  esac
}

_replyd_hook_add() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--types=[only events of these types, with commas between them\: message.created, message.updated, message.held, conversation.created, conversation.updated, conversation.looping, delivery.failed, contact.suspended, hook.disabled, agent.suspended]:types:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_hook_list() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_hook_test() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_hook_rotate() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_hook_remove() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--yes[do not ask]' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_systemd() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--sockets[systemd holds the sockets\: prints a unit for each door, too]' '*--user=[the user that runs the daemon (default\: "replyd")]:name:' '*--output=[write the files there instead of printing them]:folder:_files -/' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

_replyd_tail() {
  _arguments -s -S '*-c+[the configuration to use]:file:_files' '*--config=[the configuration to use]:file:_files' '*--account=[of this account alone]:slug:' '*--after=[begin behind this event instead of now]:id:' '*--json[print JSON\: the object, or one object a line]' '*-h[show help]' '*--help[show help]' '*: :'
}

if [[ $funcstack[1] == _replyd ]]; then
  _replyd "$@"
else
  compdef _replyd replyd
fi
