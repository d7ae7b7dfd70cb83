/**
 * Takes the picture of the demo: runs `bin/replyd demo` in a terminal of 80 columns (`script` of util-linux), and writes
 * the thread as it stands there, with its styles, to demo.svg. The program has to be built.
 *
 * Ends with 1 when the demo fails or prints no thread.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const COLUMNS = 80;
const CELL = 8;
const LINE = 18;
const EDGE = 16;
const FIRST = 'conversation show shop#1';
const LAST = 'It stays up until Ctrl-C';
const COLORS = { 31: '#ff7b72', 32: '#56d364', 33: '#e3b341' };

const root = new URL('../..', import.meta.url).pathname;
const terminal = spawn('script', ['-qefc', `stty cols ${COLUMNS} rows 60; exec bin/replyd demo`, '/dev/null'], {
  cwd: root,
  stdio: ['pipe', 'pipe', 'inherit'],
});
let printed = '';
terminal.stdout.setEncoding('utf8').on('data', text => {
  const before = printed.includes(LAST);
  printed += text;
  if (!before && printed.includes(LAST)) terminal.stdin.write('\x03');
});
terminal.on('close', () => {
  const lines = printed.replaceAll('\r', '').split('\n');
  const from = lines.findIndex(line => line.includes(FIRST) && line.includes('$'));
  const to = lines.findIndex(line => line.includes(LAST));
  if (from === -1 || to === -1) {
    process.stderr.write(`the demo printed no thread:\n${printed}\n`);
    process.exitCode = 1;
    return;
  }
  writeFileSync(new URL('demo.svg', import.meta.url), draw(lines.slice(from, to - 1).map(pieces)));
});

/** A line → its pieces of one style each: text, column, classes. Styles end with their line, as replyd prints them. */
function pieces(line) {
  const found = [];
  let style = { weight: '', color: '' };
  let column = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the terminal's
  for (const [part, code] of line.matchAll(/\x1b\[(\d+)m|[^\x1b]+/g)) {
    if (code === undefined) {
      const text = part.trimEnd();
      const indent = text.length - text.trimStart().length;
      if (text !== '') found.push({ text: text.trimStart(), column: column + indent, ...style });
      column += [...part].length;
    } else if (code === '1' || code === '2') style = { ...style, weight: code === '1' ? 'bold' : 'dim' };
    else if (code === '22') style = { ...style, weight: '' };
    else style = { ...style, color: COLORS[code] ?? '' };
  }
  return found;
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function drawPiece({ text, column, weight, color }, row) {
  const y = EDGE + 26 + row * LINE;
  const x = EDGE + column * CELL;
  const length = [...text].length;
  if (/^─+$/.test(text)) return `<path d="M${x} ${y - 4}h${length * CELL}" class="rule"/>`;
  const look = `${weight === '' ? '' : ` class="${weight}"`}${color === '' ? '' : ` style="fill:${color}"`}`;
  return `<text x="${x}" y="${y}" textLength="${length * CELL}" lengthAdjust="spacingAndGlyphs"${look}>${escape(text)}</text>`;
}

function draw(lines) {
  const width = 2 * EDGE + COLUMNS * CELL;
  const height = 2 * EDGE + 30 + lines.length * LINE;
  const rows = lines.flatMap((line, row) => line.map(piece => drawPiece(piece, row + 1)));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The thread that npm run demo prints: a question in the web widget, the agent's answer by mail, the customer's reply without what she quoted">
<!-- Taken by demo.js from a run of npm run demo in a terminal of ${COLUMNS} columns. -->
<style>
  text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #e6edf3; white-space: pre; }
  .bold { font-weight: 700; fill: #ffffff; }
  .dim { fill: #8d96a0; }
  .rule { stroke: #3d444d; stroke-width: 1; }
</style>
<rect width="${width}" height="${height}" rx="9" style="fill:#0d1117;stroke:#3d444d"/>
<circle cx="20" cy="18" r="5.5" style="fill:#ff5f57"/><circle cx="38" cy="18" r="5.5" style="fill:#febc2e"/><circle cx="56" cy="18" r="5.5" style="fill:#28c840"/>
${rows.join('\n')}
</svg>
`;
}
