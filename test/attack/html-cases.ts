/** Each hostile payload in each place of a mail in which HTML stands. */
import { htmlPart, relatedParts } from './html-mails.js';
import { PAYLOADS } from './html-payloads.js';

const CONTEXTS: Readonly<Record<string, (html: string) => string>> = {
  'plain body': html => htmlPart(`<html><body>${html}</body></html>`),
  'in a table': html => htmlPart(`<table border=1><tr><td width=100>${html}</td><td>y</td></tr></table>`),
  'in a quote': html => htmlPart(`<p>Thanks</p><blockquote type=cite style="margin:0 0 0 .8ex">${html}</blockquote>`),
  'in a rich wrapper': html =>
    htmlPart(
      `<div class="WordSection1" id=x style='color:red;font-family:"Arial",sans-serif' title="a > b" align=left lang=de dir=ltr bgcolor="#fff" width=100% data-x='"y"'>${html}</div>`,
    ),
  'after an unclosed tag': html =>
    htmlPart(`<p><b><i><a href="https://a.example/?a=1&amp;b=2"><font color=red>${html}`),
  'beside pictures': html =>
    relatedParts(`<img src="cid:one@pictures.example" alt=one>${html}<img src="cid:two@pictures.example" alt=two>`),
};

export interface HtmlCase {
  readonly name: string;
  /** The HTML as it was written, with its number in place. */
  readonly html: string;
  /** As `fileAndShow` takes it. */
  readonly mail: string;
}

/** A script in it calls `hit(number)`, an address in it is `host/number`; the number is the place in this list. */
export function htmlCases(host: string): readonly HtmlCase[] {
  const all = Object.entries(PAYLOADS).flatMap(([name, payload]) =>
    Object.entries(CONTEXTS).map(([context, inContext]) => ({ name: `${name}, ${context}`, payload, inContext })),
  );
  return all.map(({ name, payload, inContext }, number) => {
    const html = payload.replaceAll('JS', `hit(${number})`).replaceAll('EVIL', `${host}/${number}`);
    return { name, html, mail: inContext(html) };
  });
}
