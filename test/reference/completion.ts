/**
 * The completions of bash, zsh and fish, from the table of commands: verbs, options, and files where an option or a word
 * names one. They ask nothing of the program, so that a Tab costs nothing.
 */
import { allOf, type Entry, type OptionEntry, pathKind } from './command-table.js';

const MADE = '# Made by `npm run docs` from the help of the commands. Change that, not this file.';

/** Value options of an entry by their flags, and what kind of path the value is. */
function valued(
  options: readonly OptionEntry[],
): readonly { flags: readonly string[]; kind: 'file' | 'folder' | null }[] {
  return options
    .filter(({ value }) => value !== null)
    .map(({ short, long, value }) => ({ flags: [short, long].filter(flag => flag !== null), kind: pathKind(value) }));
}

/** What may be typed as a word behind an entry: its children's names. */
function childNames({ children }: Entry): string {
  return children.map(({ name }) => name).join(' ');
}

function flagsOf({ options }: Entry): string {
  return options.flatMap(({ short, long }) => [short, long].filter(flag => flag !== null)).join(' ');
}

function wordKind({ words }: Entry): 'file' | 'folder' | null {
  return words.map(({ name }) => pathKind(name)).find(kind => kind !== null) ?? null;
}

export function bashCompletion(program: Entry): string {
  const entries = allOf(program);
  const paths = entries.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  const takers = entries.flatMap(({ path, options }) =>
    valued(options).flatMap(({ flags, kind }) => flags.map(flag => ({ key: `${path}:${flag}`, kind }))),
  );
  const of = (wanted: string | null) => takers.filter(({ kind }) => kind === wanted).map(({ key }) => `'${key}'`);
  return `${MADE}
_replyd() {
  local cur=\${COMP_WORDS[COMP_CWORD]} path='' value='' at word
  # Bash splits --option=value into three words.
  local words=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    [[ $word == = ]] || words+=("$word")
  done
  [[ $cur != = ]] || cur=''
  for word in "\${words[@]}"; do
    if [[ -n $value ]]; then
      value=''
    elif [[ $word == -* ]]; then
      case "$path:$word" in
        ${takers.map(({ key }) => `'${key}'`).join(' | ')}) value=$path:$word ;;
      esac
    else
      case "\${path:+$path }$word" in
        ${paths.join(' | ')}) path="\${path:+$path }$word" ;;
      esac
    fi
  done
  COMPREPLY=()
  if [[ -n $value ]]; then
    case "$value" in
      ${of('folder').join(' | ')}) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
      ${of('file').join(' | ')}) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    esac
    return
  fi
  local verbs='' flags='' files=''
  case "$path" in
${entries.map(entry => `    '${entry.path}') verbs='${childNames(entry)}' flags='${flagsOf(entry)}' files='${wordKind(entry) ?? ''}' ;;`).join('\n')}
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
`;
}

export function zshCompletion(program: Entry): string {
  const functions = allOf(program).map(entry => {
    const specs = [...entry.options.flatMap(zshOption), ...(entry.children.length > 0 ? [] : [zshWords(entry)])];
    const body =
      entry.children.length === 0
        ? `  _arguments -s -S ${specs.join(' ')}`
        : `  local -a verbs
  local context state state_descr line
  typeset -A opt_args
  verbs=(${entry.children.map(({ name, does }) => zshWord(`${name}:${does.replaceAll(':', '\\:')}`)).join(' ')})
  _arguments -s -S -C ${specs.join(' ')} '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe -t commands ${zshWord(entry.path === '' ? 'command' : `verb of ${entry.path}`)} verbs ;;
    rest)
      case $line[1] in
${entry.children.map(child => `        ${child.name}) ${zshFunction(child)} ;;`).join('\n')}
      esac ;;
  esac`;
    return `${zshFunction(entry)}() {\n${body}\n}`;
  });
  return `#compdef replyd\n${MADE}\n${functions.join('\n\n')}\n
if [[ $funcstack[1] == _replyd ]]; then
  _replyd "$@"
else
  compdef _replyd replyd
fi
`;
}

function zshFunction({ path }: Entry): string {
  return `_replyd${path === '' ? '' : `_${path.replaceAll(/[ -]/g, '_')}`}`;
}

function zshOption({ short, long, value, does }: OptionEntry): string[] {
  const text = does.replaceAll(/[[\]\\]/g, '\\$&').replaceAll(':', '\\:');
  const action = { file: '_files', folder: '_files -/', none: '' }[pathKind(value) ?? 'none'];
  const rest = (attached: string) =>
    `${value === null ? '' : attached}[${text}]${value === null ? '' : `:${value}:${action}`}`;
  // An option may be given several times; which ones, the program says.
  const flags = [...(short === null ? [] : [`*${short}${rest('+')}`]), `*${long}${rest('=')}`];
  return flags.map(zshWord);
}

function zshWords(entry: Entry): string {
  return wordKind(entry) === null ? "'*: :'" : "'*: :_files'";
}

function zshWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export function fishCompletion(program: Entry): string {
  const entries = allOf(program);
  const takers = entries.flatMap(({ path, options }) =>
    valued(options).flatMap(({ flags }) => flags.map(flag => fishWord(`${path}:${flag}`))),
  );
  const paths = entries.filter(({ path }) => path !== '').map(({ path }) => fishWord(path));
  const lines = entries.flatMap(entry => {
    const here = `complete -c replyd -n ${fishWord(`__replyd_at ${fishWord(entry.path)}`)}`;
    return [
      ...entry.children.map(({ name, does }) => `${here} -f -a ${name} -d ${fishWord(does)}`),
      ...(wordKind(entry) === null ? [`${here} -f`] : []),
      ...entry.options.map(({ short, long, value, does }) => {
        const kind = pathKind(value);
        const takes =
          value === null
            ? ''
            : kind === 'file'
              ? ' -r -F'
              : kind === 'folder'
                ? " -x -a '(__fish_complete_directories)'"
                : ' -x';
        return `${here}${short === null ? '' : ` -s ${short.slice(1)}`} -l ${long.slice(2)}${takes} -d ${fishWord(does)}`;
      }),
    ];
  });
  return `${MADE}
# Whether the words before the cursor lead to this command.
function __replyd_at
    set -l path
    set -l value
    for word in (commandline -opc)[2..-1]
        if set -q value[1]
            set -e value
        else if string match -q -- '-*' $word
            if contains -- "$path:$word" ${takers.join(' ')}
                set value $word
            end
        else if contains -- (string trim -- "$path $word") ${paths.join(' ')}
            set path (string trim -- "$path $word")
        end
    end
    test "$path" = "$argv[1]"
end
${lines.join('\n')}
`;
}

function fishWord(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
