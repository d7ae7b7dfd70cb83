/**
 * HTML that leaves its place. A mail's HTML runs nothing, and still wants to draw over the page around it: a false button
 * over the real one, a cover over the next message, a page that is pushed away. What must hold: put into any element of
 * the page, nothing outside of that element's own box is covered by the mail, to the sight or to the pointer. Measured in
 * Chromium: at a grid of points around the box, the element there is none of the mail's.
 */
import { type AttackKind, newTally } from './attack.js';
import { chromium, openPage } from './browser.js';
import { fileAndShow, htmlPart } from './html-mails.js';

const LONG = 'wide'.repeat(400);
const COVER = 'background-color:red;color:white';

/** What tries it, by name. */
export const BOX_PAYLOADS: Readonly<Record<string, string>> = {
  'padding of a word': `<a href="https://a.example" style="padding:300px;${COVER}">x</a>`,
  'padding on each side': `<span style="padding-top:300px;padding-left:300px;padding-right:300px;padding-bottom:300px;${COVER}">x</span>`,
  'padding in other units': `<b style="padding:50em;${COVER}">x</b><b style="padding:50%;${COVER}">x</b><b style="padding:90vh;${COVER}">x</b>`,
  'padding of many nested words': `${`<b style="padding:90px;${COVER}">`.repeat(20)}x`,
  'border of a word': `<span style="border:300px solid red">x</span>`,
  'border by attribute': `<table border=400><tr><td>x</td></tr></table><img border=400 alt=x>`,
  'border of a block': `<div style="border-left:900px solid red;border-right:900px solid red">x</div>`,
  'line height': `<p><span style="line-height:0;${COVER}">x<br>y</span><a href="https://a.example" style="line-height:2000px;${COVER}">x</a></p>`,
  'line height of nothing': `<div style="line-height:0;font-size:200px;${COVER}">x</div>`,
  'vertical align': `<p>y<a href="https://a.example" style="vertical-align:400px;${COVER}">xxxxxxxx</a></p>`,
  'vertical align below': `<p>y<a href="https://a.example" style="vertical-align:-400px;${COVER}">xxxxxxxx</a></p>`,
  'vertical align in percents': `<p style="line-height:10px">y<a href="https://a.example" style="vertical-align:4000%;${COVER}">x</a></p>`,
  'a float': `<div style="float:left;width:500px;height:500px;${COVER}">x</div>`,
  'a float to the right': `<div style="float:right;width:2000px;height:500px;${COVER}">x</div>`,
  'floats of a table': `<table align=left width=900 height=900 bgcolor=red><tr><td>x</td></tr></table>`,
  'a float of a picture': `<img align=right width=900 height=900 alt=x src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==">`,
  width: `<div style="width:3000px;${COVER}">x</div>`,
  'width in percents': `<div style="width:900%;${COVER}">x</div>`,
  'least width': `<div style="min-width:3000px;${COVER}">x</div>`,
  'width by attribute': `<table width=3000 bgcolor=red><tr><td>x</td></tr></table>`,
  'width in the window': `<div style="width:200vw;height:200vh;${COVER}">x</div>`,
  'height in a small one': `<div style="height:10px"><div style="height:900px;${COVER}">x</div></div>`,
  'height of nothing': `<div style="height:0;max-height:0"><p style="${COVER}">x<br>x<br>x<br>x<br>x<br>x<br>x<br>x<br>x<br>x</p></div>`,
  'a large picture': `<img width=3000 height=3000 alt=x src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==">`,
  'a long word': `<p style="${COVER}">${LONG}</p>`,
  'a line that does not break': `<p style="white-space:nowrap;${COVER}">${'wide '.repeat(300)}</p>`,
  'preformatted text': `<pre style="${COVER}">${'wide '.repeat(300)}</pre>`,
  'a table that does not break': `<table><tr><td nowrap bgcolor=red>${'wide '.repeat(300)}</td></tr></table>`,
  'letter spacing': `<p style="letter-spacing:900px;${COVER}">xxx</p>`,
  'word spacing': `<p style="word-spacing:1900px;${COVER}">x <a href="https://a.example">x</a> x</p>`,
  'text indent': `<p style="text-indent:1500px;${COVER}">xxxxx</p>`,
  'text indent backwards': `<p style="text-indent:-1500px;${COVER}">xxxxx</p>`,
  margins: `<p style="margin:-500px;${COVER}">x</p><p style="margin-left:1500px;${COVER}">x</p>`,
  'margins that cancel': `<div style="width:100px"><p style="margin-right:calc(-900px);margin-top:0 -900px;${COVER}">x</p></div>`,
  'margins that fall through': `<div style="margin-top:500px">x</div>`,
  position: `<div style="position:fixed;top:0;left:0;width:100%;height:100%;${COVER}">x</div>`,
  'position in capitals and sticky': `<b style="POSITION:ABSOLUTE;top:-300px;${COVER}">x</b><b style="position:sticky;top:0;${COVER}">x</b>`,
  transform: `<b style="display:inline-block;transform:scale(90);translate:-500px;scale:9;rotate:4deg;zoom:9;${COVER}">x</b>`,
  shadows: `<b style="box-shadow:0 0 0 900px red;outline:900px solid red;text-shadow:0 300px red">x</b>`,
  'large letters': `<b style="font-size:999px;${COVER}">x</b>`,
  'font size in percents': `${'<big>'.repeat(40)}x`,
  'marks upon a letter': `<p style="${COVER}">${`Z${'\u0351\u0357\u035b\u0323\u0331'.repeat(200)}`.repeat(5)}</p>`,
  'text of another direction': `<p dir=rtl style="white-space:nowrap;${COVER}">${'wide '.repeat(300)}</p>`,
  'writing upright': `<p style="writing-mode:vertical-lr;height:9999px;${COVER}">x</p>`,
  'table in a table': `${'<table cellpadding=40 cellspacing=40 border=20><tr><td>'.repeat(15)}x`,
  'cells without end': `<table cellpadding=9999 cellspacing=9999><tr><td bgcolor=red>x</td></tr></table>`,
  'list outside': `<ol style="padding-left:0" start=999999999><li style="list-style:decimal;${COVER}">x</ol><ul style="margin-left:0"><li>x</ul>`,
  'list out of the box': `<ol start=2000000000><li style="margin-left:0;font-size:90px;list-style-type:decimal">x</ol>`,
  'a caption': `<table width=10><caption style="${COVER}">${LONG}</caption><tr><td>x</td></tr></table>`,
  'a rule': `<hr width=3000 size=900 color=red style="border:300px solid red">`,
  'ruby over it': `<ruby style="line-height:0">x<rt style="font-size:300px;line-height:0;${COVER}">xxxx</rt></ruby>`,
  'above and below': `<sup style="vertical-align:super;font-size:300px;line-height:0;${COVER}">x</sup><sub style="font-size:300px;line-height:0;${COVER}">x</sub>`,
  'inline blocks': `<p style="line-height:0"><b style="display:inline-block;height:900px;vertical-align:-900px;${COVER}">x</b></p>`,
  'table cells alone': `<span style="display:table-cell;width:3000px;height:900px;vertical-align:top;${COVER}">x</span>`,
  'contents and flex': `<p style="display:contents"><b style="display:flex;flex-shrink:0;width:3000px;${COVER}">x</b></p>`,
};

interface Report {
  /** Of each number, how many points outside of its box it covers, and the farthest. */
  readonly covered: readonly (readonly [number, number, string])[];
  readonly points: number;
}

export const htmlBox: AttackKind = {
  name: 'html-box',
  about: 'HTML in mails that covers the page outside of its box, measured in Chromium',
  obstacle: () => (chromium() === null ? 'there is no Chromium here' : null),
  async run(target, { over }) {
    const tally = newTally();
    const all = Object.entries(BOX_PAYLOADS);
    const shown = await fileAndShow(
      target,
      all.map(([, payload]) => htmlPart(`<html><body>${payload}</body></html>`)),
    );
    const fragments = shown.map(answer => (typeof answer === 'string' ? null : answer.html));
    await over();
    const { result } = await openPage<Report>(pageOf([...fragments.map(each => each ?? ''), CONTROL]));
    const covered = new Map(
      result.covered.map(([number, points, where]) => [number, `covers ${points} points, at ${where}`]),
    );
    tally.count('the measure sees a cover', covered.has(all.length) ? null : 'the control covered nothing');
    all.forEach(([name], number) => {
      const missing = typeof shown[number] === 'string' ? shown[number] : null;
      const fault = covered.get(number);
      tally.count(name, missing ?? (fault === undefined ? null : `${fault}: ${fragments[number]!.slice(0, 200)}`));
    });
    return tally.result();
  },
};

/** What no sanitiser has seen. */
const CONTROL = '<div style="position:absolute;left:-200px;top:-100px;width:900px;height:400px;background:red">x</div>';

/** One after the other, each in an element of 500 px within an empty place, and shown alone while it is measured. */
function pageOf(fragments: readonly string[]): string {
  const slots = fragments.map(
    (fragment, number) =>
      `<section data-slot="${number}"><div class="place"><div class="message" data-box="${number}">${fragment}</div></div></section>`,
  );
  return `<!doctype html><html><head><meta charset="utf-8"><style>
html, body { margin: 0; } section { display: none; position: relative; height: 1000px; overflow: hidden; }
section.shown { display: block; } .place { position: absolute; left: 350px; top: 400px; width: 500px; }
</style></head><body>
${slots.join('\n')}
<script>
const covered = [];
let points = 0;
const [width, height] = [document.documentElement.clientWidth, 1000];
for (const slot of document.querySelectorAll('[data-slot]')) {
  slot.classList.add('shown');
  scrollTo(0, 0);
  const message = slot.querySelector('[data-box]'), box = message.getBoundingClientRect();
  let count = 0, where = '';
  for (let x = 2; x < width; x += 15) for (let y = 2; y < Math.min(height, innerHeight); y += 15) {
    if (x >= box.left - 1 && x <= box.right + 1 && y >= box.top - 1 && y <= box.bottom + 1) continue;
    points += 1;
    const there = document.elementFromPoint(x, y);
    if (there === null || there === message || !message.contains(there)) continue;
    count += 1;
    where = x + ',' + y + ' outside of ' + [box.left, box.top, box.right, box.bottom].map(Math.round).join();
  }
  if (count > 0) covered.push([Number(slot.dataset.slot), count, where]);
  slot.classList.remove('shown');
}
fetch('/result', { method: 'POST', body: JSON.stringify({ covered, points }) });
</script></body></html>`;
}
