import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attachmentAddress,
  DEPTH_LIMIT,
  displayHtml,
  ELEMENT_LIMIT,
  HTML_LIMIT,
  htmlToText,
} from '#replyd/mail/html/sanitise.js';

const PICTURES = { resolveCid: (id: string) => (id === 'logo@example' ? attachmentAddress('ab12') : null) };

function display(html: string): string {
  const { html: clean, evidence } = displayHtml(html, PICTURES);
  assert.deepEqual(evidence, []);
  return clean ?? '';
}

const KEPT: readonly (readonly [string, string])[] = [
  ['<p>One <b>two</b></p>', '<p>One <b>two</b></p>'],
  ['<p style="color:red;margin:0 0 1em">x</p>', '<p style="color:red;margin:0 0 1em">x</p>'],
  [
    '<p style="font:bold 12pt/1.5 Arial;line-height:1.2">x</p>',
    '<p style="font:bold 12pt/1.5 Arial;line-height:1.2">x</p>',
  ],
  [
    '<p style="margin:0 0 0 .8ex;width:100%;font-weight:700">x</p>',
    '<p style="margin:0 0 0 .8ex;width:100%;font-weight:700">x</p>',
  ],
  [
    '<img style="vertical-align:-3px" width="600" height="20">',
    '<img style="vertical-align:-3px" width="600" height="20" />',
  ],
  ['<blockquote>q</blockquote>', '<blockquote>q</blockquote>'],
  ['<td>a</td>', '<td>a</td>'],
  [
    '<a href="https://x.example/?a=1&amp;b=2">link</a>',
    '<a href="https://x.example/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow">link</a>',
  ],
  [
    '<a href="https://x.example" rel="opener" target="top">l</a>',
    '<a href="https://x.example" rel="noopener noreferrer nofollow" target="_blank">l</a>',
  ],
  ['<img src="cid:logo@example" alt="Logo">', '<img alt="Logo" src="attachment:ab12" />'],
  ['<img src="cid:logo%40example">', '<img src="attachment:ab12" />'],
  ['<img src="cid:gone@example">', '<img data-cid="gone@example" />'],
  ['<img src="data:image/png;base64,iVBORw0K">', '<img src="data:image/png;base64,iVBORw0K" />'],
];

for (const [html, expected] of KEPT) {
  test(`shown: ${html}`, () => assert.equal(display(html), expected));
}

const DISARMED: readonly (readonly [string, string])[] = [
  ['<script>alert(1)</script>a', 'a'],
  ['<style>p{position:fixed}</style>a', 'a'],
  ['<p onclick="x()">a</p>', '<p>a</p>'],
  ['<form action="https://x.example"><input value="v">a<button>b</button></form>', 'ab'],
  ['<iframe src="https://x.example"></iframe>a', 'a'],
  ['<iframe><p>b</p><script>alert(1)</script></iframe>a', 'a'],
  ['<noembed><img src=x onerror=alert(1)></noembed><noframes><b>b</b></noframes>a', 'a'],
  ['<plaintext><b onclick="x()">a', '&lt;b onclick="x()"&gt;a'],
  ['<object data="x"></object><embed src="x">a', 'a'],
  ['<meta http-equiv="refresh" content="0;url=https://x.example"><base href="https://x.example">a', 'a'],
  ['<link rel="stylesheet" href="https://x.example/a.css">a', 'a'],
  ['<svg><script>alert(1)</script></svg>a', 'a'],
  ['<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>a', 'a'],
  ['<a href="javascript:alert(1)">a</a>', '<a>a</a>'],
  ['<a href=" jAvAsCrIpT:alert(1)">a</a>', '<a>a</a>'],
  ['<a href="java&#10;script:alert(1)">a</a>', '<a>a</a>'],
  ['<a href="data:text/html,x">a</a>', '<a>a</a>'],
  [
    '<img src="https://t.example/p.gif?id=7" width="1">',
    '<img width="1" data-remote-src="https://t.example/p.gif?id=7" />',
  ],
  ['<img src="//t.example/p.gif">', '<img data-remote-src="https://t.example/p.gif" />'],
  ['<img srcset="https://t.example/p.gif 2x" src="x.gif">', '<img />'],
  ['<img src="data:image/svg+xml;base64,PHN2Zz4=">', '<img />'],
  ['<td background="https://t.example/p.gif">a</td>', '<td>a</td>'],
  ['<div style="position:fixed;top:0;left:0;color:red">a</div>', '<div style="color:red">a</div>'],
  ['<div style="background:url(https://t.example/p.gif);color:red">a</div>', '<div style="color:red">a</div>'],
  ['<div style="background:u\\72l(https://t.example/p.gif)">a</div>', '<div>a</div>'],
  ['<div style="width:expression(alert(1))">a</div>', '<div>a</div>'],
  ['<div style="margin-top:-500px">a</div>', '<div>a</div>'],
  ['<div style="color:/**/red">a</div>', '<div>a</div>'],
  ['<div id="app" class="modal" name="x">a</div>', '<div>a</div>'],
  ['<div style="padding:5000px;color:red">a</div>', '<div style="color:red">a</div>'],
  ['<div style="padding:0 0 300em">a</div>', '<div>a</div>'],
  ['<div style="padding-top:1e3px;margin:9e1cm">a</div>', '<div>a</div>'],
  ['<div style="height:100vh;width:50vw">a</div>', '<div>a</div>'],
  [
    '<div style="border:900px solid #fff;border-top:1px solid rgb(204,204,204)">a</div>',
    '<div style="border-top:1px solid rgb(204,204,204)">a</div>',
  ],
  ['<div style="line-height:80;font-size:900px">a</div>', '<div>a</div>'],
  ['<div style="vertical-align:-2000px;text-decoration:underline 500px">a</div>', '<div>a</div>'],
  ['<div style="letter-spacing:-1em;height:2001px;min-height:300%">a</div>', '<div>a</div>'],
  [
    '<table cellpadding="9000" border="900"><tr><td height="99999" colspan="1000">a</td></tr></table>',
    '<table><tr><td>a</td></tr></table>',
  ],
];

for (const [html, expected] of DISARMED) {
  test(`disarmed: ${html}`, () => assert.equal(display(html), expected));
}

const BEYOND: readonly (readonly [string, string])[] = [
  ['<div>'.repeat(DEPTH_LIMIT + 1), 'html: not shown, nested deeper than 100 elements'],
  ['<br>'.repeat(ELEMENT_LIMIT + 1), 'html: not shown, more than 20000 elements'],
  ['x'.repeat(HTML_LIMIT + 1), 'html: not shown, more than 512 KiB'],
];

for (const [html, evidence] of BEYOND) {
  test(`beyond the limits: ${evidence}`, () =>
    assert.deepEqual(displayHtml(html), { html: null, evidence: [evidence] }));
}

test('an address that the sanitiser would chew on for minutes is dropped', () => {
  assert.equal(display(`<a href="https://x.example/${'<!---->'.repeat(50_000)}">a</a>`), '<a>a</a>');
  assert.equal(display(`<img src="https://x.example/${'<!---->'.repeat(50_000)}">`), '<img />');
});

test('unclosed paragraphs are not nesting', () => {
  assert.notEqual(displayHtml('<p>x'.repeat(1_000)).html, null);
});

const TEXTS: readonly (readonly [string, string])[] = [
  ['<div>a</div><div><br></div><div>b</div>', 'a\n\nb'],
  ['<p>a</p><p>b</p>', 'a\n\nb'],
  ['<p class="MsoNormal">a</p><p class="MsoNormal">&nbsp;</p><p class="MsoNormal">b</p>', 'a\n\nb'],
  ['<p style="margin:0">a</p><p style="margin:0">b</p>', 'a\nb'],
  ['a<br>b<br><br>c', 'a\nb\n\nc'],
  ['  a \n b\t<b>c</b>d <i> e</i>', 'a b cd e'],
  ['<pre>  a\n    b &lt; c</pre>', 'a\n    b < c'],
  ['<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>', '- a\n- b\n  - c'],
  ['<ol><li>a<li>b</ol>', '1. a\n2. b'],
  ['<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>', 'a\tb\nc'],
  ['<blockquote>a<blockquote>b</blockquote></blockquote>', '> a\n> > b'],
  ['<blockquote style="margin:0 0 0 40px;border:none;padding:0px">a</blockquote>', 'a'],
  ['<a href="https://x.example/y">here</a>', 'here <https://x.example/y>'],
  ['<a href="https://x.example/">x.example</a> <a href="mailto:a@x.example">a@x.example</a>', 'x.example a@x.example'],
  ['<a href="mailto:a@x.example?subject=x">Ann</a>', 'Ann <a@x.example>'],
  ['<img alt="😀"><img alt="Plan"><img alt="">', '😀[image: Plan]'],
  ['<style>p{}</style><title>t</title><script>x</script><!-- c -->a', 'a'],
  ['<iframe><p>x</p></iframe><noframes><p>x</p></noframes>a', 'a'],
  ['<!--[if mso]>x<![endif]--><![if !mso]>a<![endif]>', 'a'],
  ['&euro;&nbsp;5&#0;&#xD800;&amp;lt;', '€ 5\ufffd\ufffd&lt;'],
  ['a</div></p></td>b<td>c', 'a\n\nb\tc'],
  ['a \v\u00a0b  c', 'a \v b c'],
  ['', ''],
];

for (const [html, expected] of TEXTS) {
  test(`text of ${JSON.stringify(html)}`, () => assert.equal(htmlToText(html), expected));
}

const HIDING: readonly string[] = [
  'display:none',
  'DISPLAY: none !important',
  'mso-hide:all',
  'font-size:0px',
  'max-height:0',
  'height:0;overflow:hidden',
  'opacity: 0.00',
  'visibility:hidden',
  'color:transparent',
  'text-indent:-9999px',
];

const SHOWING: readonly string[] = [
  'display:block',
  'font-size:0.8em',
  'max-height:0.5em',
  'opacity:0.6',
  'height:0',
  'color:#fff',
  'text-indent:-20px',
];

test('text leaves out what a style hides, and nothing else', () => {
  for (const style of HIDING) assert.equal(htmlToText(`<div style="${style}">a</div><p>b</p>`), 'b', style);
  for (const style of SHOWING) assert.equal(htmlToText(`<div style="${style}">a</div><p>b</p>`), 'a\n\nb', style);
  assert.equal(htmlToText('<div style="font-size:0">a<b style="font-size:1em">b</b>c</div>'), 'b');
  assert.equal(htmlToText('<div style="display:none">all is hidden</div>'), 'all is hidden');
});
