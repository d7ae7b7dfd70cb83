/**
 * Hostile HTML. A customer's mail is shown to an agent in the application's page, and the attacker wants a script to run
 * there, a request to leave it (which tells that and where the mail is read), or the page to go elsewhere. What must hold:
 * what the API gives out has only elements, attributes and addresses of a short list, by a parser of its own; and in a
 * browser it runs nothing, asks for nothing, goes nowhere, and stays within the element it was put in, written into the page
 * as well as set from a script and parsed twice.
 */
import { Parser } from 'htmlparser2';
import { type AttackKind, newTally, type Tally } from './attack.js';
import { ATTACKER, chromium, openPage } from './browser.js';
import { htmlCases } from './html-cases.js';
import { fileAndShow } from './html-mails.js';

const ELEMENTS: ReadonlySet<string> = new Set(
  (
    'a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del details dfn div dl dt ' +
    'em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q rp rt ruby s samp ' +
    'section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr'
  ).split(' '),
);
const ATTRIBUTES: ReadonlySet<string> = new Set(
  (
    'align alt bgcolor border cellpadding cellspacing color colspan data-cid data-remote-src datetime dir face height href lang ' +
    'nowrap rel reversed rowspan scope size span src start style target title type valign value width'
  ).split(' '),
);
const ADDRESSES: Readonly<Record<string, RegExp>> = {
  href: /^(?:https?:\/\/|mailto:|tel:|sms:)/i,
  src: /^(?:\/v1\/attachments\/att_\w+$|attachment:[0-9a-f]{64}$|data:image\/(?:png|gif|jpe?g|webp);base64,[\w+/=\s]*$)/i,
  'data-remote-src': /^https?:\/\//i,
  target: /^_blank$/,
};
const STYLE = /url|image|expression|import|javascript|binding|behavior|position|var\s*\(|attr\s*\(|[\\<>@{}]|\/\*/i;

export const html: AttackKind = {
  name: 'html',
  about: 'hostile HTML in mails, read back by the API: by a parser, and in Chromium',
  async run(target, { over }) {
    const tally = newTally();
    const all = htmlCases(ATTACKER);
    const shown = await fileAndShow(
      target,
      all.map(each => each.mail),
    );
    const fragments = new Map<number, string>();
    all.forEach(({ name }, number) => {
      const answer = shown[number]!;
      if (typeof answer === 'string') tally.count(name, answer);
      else {
        tally.count(name, answer.html === null ? null : unsafe(answer.html));
        if (answer.html !== null) fragments.set(number, answer.html);
      }
    });
    tally.note(`${all.length} mails with HTML, ${all.length - fragments.size} of them are shown as text alone`);
    tally.count('most are shown', fragments.size > all.length / 2 ? null : `only ${fragments.size}`);
    if (chromium() === null) tally.note('there is no Chromium here: only the parser judged');
    else {
      await over();
      await judgeInBrowser(fragments, { tally, nameOf: number => all[number]!.name });
    }
    return tally.result();
  },
};

/** The first thing in it that is not on the list. */
function unsafe(fragment: string): string | null {
  const faults: string[] = [];
  const parser = new Parser(
    {
      onopentag(element, attributes) {
        if (!ELEMENTS.has(element)) faults.push(`<${element}>`);
        for (const [name, value] of Object.entries(attributes)) {
          if (!ATTRIBUTES.has(name)) faults.push(`<${element} ${name}>`);
          const form = ADDRESSES[name];
          if (form !== undefined && !form.test(value)) faults.push(`<${element} ${name}="${value}">`);
          if (name === 'style' && STYLE.test(value)) faults.push(`<${element} style="${value}">`);
        }
      },
      oncomment: text => faults.push(`a comment ${text}`),
      onprocessinginstruction: name => faults.push(`<${name}>`),
      oncdatastart: () => faults.push('CDATA'),
    },
    { decodeEntities: true, recognizeCDATA: true },
  );
  parser.end(fragment);
  return faults.length === 0 ? null : `${faults[0]} in ${fragment.slice(0, 400)}`;
}

interface Report {
  /** Numbers whose script ran, or which did the rest. */
  readonly ran: readonly (number | string)[];
  readonly left: readonly string[];
  readonly misplaced: readonly number[];
  readonly foreign: readonly string[];
}

async function judgeInBrowser(
  fragments: ReadonlyMap<number, string>,
  { tally, nameOf }: { tally: Tally; nameOf: (number: number) => string },
): Promise<void> {
  const { result, asked } = await openPage<Report>(pageOf(fragments), place => place.startsWith('/v1/attachments/'));
  const { ran, left, misplaced, foreign } = result;
  const seesAll = ran.includes('control') && asked.some(place => place.includes('/control'));
  tally.count('the browser sees an attack', seesAll ? null : JSON.stringify({ ran, asked }).slice(0, 500));
  for (const number of fragments.keys()) {
    const faults = [
      ...(ran.includes(number) ? ['its script ran'] : []),
      ...asked.filter(place => place.endsWith(`/${number}`)).map(place => `it asked for ${place}`),
      ...left.filter(place => place.includes(`/${number}`)).map(place => `it went to ${place}`),
      ...(misplaced.includes(number) ? ['it left its element'] : []),
      ...foreign.filter(what => what.startsWith(`${number} `)),
    ];
    const fault = faults.length === 0 ? null : `${faults.join(', ')}: ${fragments.get(number)!.slice(0, 400)}`;
    tally.count(`${nameOf(number)}, in Chromium`, fault);
  }
  const rest = asked.filter(place => !place.includes('/control') && !/\/\d+$/.test(place));
  tally.count('nothing else was asked for', rest.length === 0 ? null : rest.slice(0, 5).join());
  tally.count('the page stayed', left.length === 0 ? null : left.slice(0, 5).join());
}

/** Each fragment stands in the page twice: as the server would write it, and as a script would set it, parsed twice. */
function pageOf(fragments: ReadonlyMap<number, string>): string {
  const json = (value: unknown) => JSON.stringify(value).replaceAll('<', '\\u003c');
  const slots = [...fragments].map(
    ([number, fragment]) =>
      `<section data-slot="${number}"><div data-box="${number}">${fragment}</div><i data-after="${number}"></i></section>\n`,
  );
  return `<!doctype html><html><head><meta charset="utf-8"><title>messages</title><script>
const ran = [], left = [], misplaced = [], foreign = [];
Object.defineProperty(window, 'hit', { value: n => { ran.push(n); }, writable: false, configurable: false });
window.alert = window.prompt = window.confirm = () => hit('dialog');
navigation.addEventListener('navigate', event => { left.push(event.destination.url); event.preventDefault(); });
document.addEventListener('securitypolicyviolation', event => left.push('policy ' + event.violatedDirective));
</script></head><body>
<p><img src="/control-picture" onerror="hit('control')"><img src="http://${ATTACKER}/control"></p>
${slots.join('')}
<div id="second"></div>
<script>
const elements = new Set(${json([...ELEMENTS])}), attributes = new Set(${json([...ATTRIBUTES])});
const fragments = ${json([...fragments])};
const all = (from, what) => Element.prototype.querySelectorAll.call(from, what);
const look = (box, number) => {
  for (const element of all(box, '*')) {
    if (element.namespaceURI !== 'http://www.w3.org/1999/xhtml' || !elements.has(element.localName))
      foreign.push(number + ' is <' + element.localName + '> in the page');
    for (const { name } of element.attributes)
      if (!attributes.has(name)) foreign.push(number + ' has ' + name + ' in the page');
    for (const type of ['mouseover', 'mouseenter', 'focus', 'focusin', 'pointerenter', 'load', 'error', 'toggle', 'keydown',
      'animationstart', 'transitionend', 'wheel', 'scroll', 'copy', 'contextmenu', 'dblclick', 'beforetoggle'])
      element.dispatchEvent(new Event(type, { bubbles: false }));
    if (element.localName === 'a' && element.href !== '' && !/^(https?|mailto|tel|sms):$/.test(element.protocol))
      foreign.push(number + ' links to ' + element.protocol);
  }
};
for (const [number] of fragments) {
  const slot = document.querySelector('[data-slot="' + number + '"]');
  const kept = slot !== null && slot.parentElement === document.body && slot.children.length === 2 &&
    slot.firstElementChild.dataset.box === String(number) && slot.lastElementChild.dataset.after === String(number);
  if (!kept) misplaced.push(number);
  if (slot !== null) look(slot.firstElementChild, number);
}
const second = document.querySelector('#second');
for (const [number, fragment] of fragments) {
  const first = document.createElement('div'), box = document.createElement('div');
  first.innerHTML = fragment;
  box.innerHTML = first.innerHTML;
  second.append(box);
  look(box, number);
}
setTimeout(() => fetch('/result', { method: 'POST', body: JSON.stringify({ ran, left, misplaced, foreign }) }), 1500);
</script></body></html>`;
}
