/**
 * Draws the picture of the whole: overview.txt → overview.svg. `--check` only says whether the file is what would be
 * drawn. One file serves light and dark: its colours follow the reader's scheme.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const GAP = 60;
const ROW_GAP = 26;
const EDGE = 26;
const PADDING = 11;
const TOP = 44;
const source = new URL('overview.txt', import.meta.url);
const target = new URL('overview.svg', import.meta.url);

const lines = readFileSync(source, 'utf8')
  .split('\n')
  .map(line => line.trim())
  .filter(line => line !== '' && !line.startsWith('#'));

let columns = [];
let rows = [];
const boxes = new Map();
const arrows = [];
let frame = null;

for (const line of lines) {
  const [word, ...rest] = line.split(/\s+/);
  if (word === 'columns') columns = tracks(rest, GAP, EDGE);
  else if (word === 'rows') rows = tracks(rest, ROW_GAP, TOP);
  else if (word === 'frame') frame = { ...area(rest[0], rest[1]), title: rest.slice(2).join(' ') };
  else if (word === 'box') {
    const [name, column, row, kind, ...text] = rest;
    boxes.set(name, { ...area(column, row), kind, lines: text.join(' ').split(' | ') });
  } else if (word === 'arrow') {
    const [from, way, to, ...label] = rest;
    arrows.push({ from, to, both: way === '<->', label: label.join(' ') });
  } else throw new Error(`overview.txt: ${line}`);
}

/** Widths → where each track begins and ends. */
function tracks(widths, gap, start) {
  let at = start;
  return widths.map(Number).map(width => {
    const track = { from: at, to: at + width };
    at = track.to + gap;
    return track;
  });
}

function span(list, words) {
  const [first, last] = words.split('-').map(Number);
  return { from: list[first - 1].from, to: list[(last ?? first) - 1].to };
}

function area(column, row) {
  const across = span(columns, column);
  const down = span(rows, row);
  return { x: across.from, y: down.from, right: across.to, bottom: down.to };
}

const escape = text => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function drawBox({ x, y, right, bottom, kind, lines: [title, ...more] }) {
  const middle = (x + right) / 2;
  const height = 17 * (more.length + 1);
  const first = (y + bottom - height) / 2 + 13;
  const text = [title, ...more].map(
    (line, at) =>
      `<text x="${middle}" y="${first + at * 17}" class="${at === 0 ? 'title' : 'line'}">${escape(line)}</text>`,
  );
  return [`<rect x="${x}" y="${y}" width="${right - x}" height="${bottom - y}" rx="8" class="${kind}"/>`, ...text].join('\n');
}

/** Straight across the gap, at the height of the lower of the two boxes. */
function drawArrow({ from, to, both, label }) {
  const [a, b] = [boxes.get(from), boxes.get(to)];
  const y = (Math.max(a.y, b.y) + Math.min(a.bottom, b.bottom)) / 2;
  const toRight = a.right <= b.x;
  const [x1, x2] = toRight ? [a.right + 3, b.x - 3] : [a.x - 3, b.right + 3];
  const start = both ? ' marker-start="url(#tip)"' : '';
  const line = `<line x1="${x1}" y1="${y}" x2="${x2}" y2="${y}" class="arrow" marker-end="url(#tip)"${start}/>`;
  // What crosses the frame is labelled outside of it.
  const [low, high] = [Math.min(x1, x2), Math.max(x1, x2)];
  const end = low < frame.x - PADDING && high > frame.x - PADDING ? frame.x - PADDING : high;
  return label === '' ? line : `${line}\n<text x="${(low + end) / 2}" y="${y - 7}" class="label">${escape(label)}</text>`;
}

const width = columns.at(-1).to + EDGE;
const height = rows.at(-1).to + EDGE;
const said = [...boxes.values()].map(({ lines: [title] }) => title).join(', ');
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="How mail and messages go through replyd: ${escape(said)}">
<!-- Drawn by overview.js from overview.txt: change those. -->
<style>
  svg { --back: #ffffff; --ink: #1f2328; --soft: #59636e; --edge: #b6bfc9; --frame: #f4f6f8; --inside: #ddf0e4; --inside-edge: #4a9b6b; --outside: #ffffff; --store: #dbe9fb; --store-edge: #4b82c4; --person: #fdf0d5; --person-edge: #c0912f; }
  @media (prefers-color-scheme: dark) {
    svg { --back: #0d1117; --ink: #e6edf3; --soft: #9aa5b1; --edge: #4a525c; --frame: #161b22; --inside: #14321f; --inside-edge: #3f8f5f; --outside: #0d1117; --store: #12294a; --store-edge: #4b82c4; --person: #38290a; --person-edge: #b08a35; }
  }
  text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; text-anchor: middle; fill: var(--ink); }
  .title { font-size: 14px; font-weight: 600; }
  .line { font-size: 13px; fill: var(--soft); }
  .label { font-size: 12.5px; fill: var(--soft); }
  .name { font-size: 15px; font-weight: 700; text-anchor: start; }
  rect { stroke-width: 1.3; }
  .back { fill: var(--back); }
  .frame { fill: var(--frame); stroke: var(--edge); }
  .outside { fill: var(--outside); stroke: var(--edge); }
  .inside { fill: var(--inside); stroke: var(--inside-edge); }
  .store { fill: var(--store); stroke: var(--store-edge); }
  .person { fill: var(--person); stroke: var(--person-edge); }
  .arrow { stroke: var(--soft); stroke-width: 1.6; }
  .tip { fill: var(--soft); }
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6.5" markerHeight="6.5" orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" class="tip"/></marker></defs>
<rect width="${width}" height="${height}" rx="10" class="back"/>
<rect x="${frame.x - PADDING}" y="${frame.y - 32}" width="${frame.right - frame.x + 2 * PADDING}" height="${frame.bottom - frame.y + 44}" rx="12" class="frame"/>
<text x="${frame.x}" y="${frame.y - 11}" class="name">${escape(frame.title)}</text>
${[...boxes.values()].map(drawBox).join('\n')}
${arrows.map(drawArrow).join('\n')}
</svg>
`;

if (process.argv.includes('--check')) {
  const same = readFileSync(target, 'utf8') === svg;
  if (!same) process.stderr.write('overview.svg is not what overview.txt says: npm run docs:pictures\n');
  process.exitCode = same ? 0 : 1;
} else {
  writeFileSync(target, svg);
}
