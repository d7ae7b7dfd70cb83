import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataPictures, namedFiles, picturesOf } from '#replyd/mail/html/pictures.js';
import { displayHtml, HTML_LIMIT } from '#replyd/mail/html/sanitise.js';

test('pictures in data: addresses', () => {
  const table: [html: string, found: readonly string[]][] = [
    ['<img src="data:image/png;base64,SGVsbG8=">', ['image/png  Hello']],
    ["<IMG alt=x SRC='DATA:image/JPG;base64,SGVs\nbG8'>", ['image/jpeg  Hello']],
    ['<img src=data:image/gif;base64,SGVsbG8=>', ['image/gif  Hello']],
    ['<img src="data:image/png;name=a%20b.png;base64,SGVsbG8%3D">', ['image/png a b.png Hello']],
    ['<img src="data:image/svg+xml,%3Csvg/%3E">', ['image/svg+xml  <svg/>']],
    ['<img src="data:text/html;base64,SGVsbG8=">', []],
    ['<img src="data:image/png;base64,">', []],
    ['<img src="x" alt="data:image/png;base64,SGVsbG8=">', []],
    ['<script src="data:image/png;base64,SGVsbG8="></script>', []],
    ['<style>a{src="data:image/png;base64,SGVsbG8="}</style>', []],
    ['<!-- <img src="data:image/png;base64,SGVsbG8="> -->', []],
  ];
  for (const [html, expected] of table) {
    const found = dataPictures(html).map(({ contentType, name, bytes }) => `${contentType} ${name} ${bytes}`);
    assert.deepEqual(found, expected, html);
  }
  assert.equal(dataPictures('<img src="data:image/png;base64,SGVsbG8=">'.repeat(300)).length, 100);
});

test('files by the names that HTML gives them', () => {
  const files = [
    { filename: 'a.png', contentId: 'A one@x' },
    { filename: 'b.png', contentId: 'b@x' },
    { filename: 'c.png', contentId: null, location: 'http://shop.example/img/c.png' },
    { filename: 'd.png', contentId: null, location: 'img/d.png' },
    { filename: 'e.png', contentId: null },
  ];
  const { byId, byLocation } = picturesOf(files);
  const named = (file: { filename: string } | null) => file?.filename ?? null;
  const ids: [string, string | null][] = [
    ['A one@x', 'a.png'],
    ['a%20ONE@x', 'a.png'],
    ['<b@x>', 'b.png'],
    ['b', 'b.png'],
    ['b.png', 'b.png'],
    ['b@y', null],
    ['e.png', null],
    ['%zz', null],
  ];
  for (const [id, name] of ids) assert.equal(named(byId(id)), name, id);
  const addresses: [string, string | null][] = [
    ['http://shop.example/img/c.png', 'c.png'],
    ['img/c.png', 'c.png'],
    ['c.png', 'c.png'],
    ['/img/c.png', 'c.png'],
    ['../img/d.png', 'd.png'],
    ['//shop.example/img/c.png', 'c.png'],
    ['http://other.example/c.png', null],
    ['http://shop.example/img/d.png', 'd.png'],
    ['thismessage:/img/d.png', 'd.png'],
    ['', null],
  ];
  for (const [address, name] of addresses) assert.equal(named(byLocation(address)), name, address);
  const html = '<img src="cid:b@x"><td background="img/c.png" style="background:url(cid:a%20one@x)">img/d.png';
  assert.deepEqual([...namedFiles(html, files)].map(named).sort(), ['a.png', 'b.png', 'c.png']);
});

test('what is never shown does not count against the limits', () => {
  const large = 'x '.repeat(HTML_LIMIT / 2 + 1);
  const shown: [html: string, expected: string | null][] = [
    [`<style>${large}</style><p>a</p>`, '<p>a</p>'],
    [`<!-- ${large} --><p>a</p>`, '<p>a</p>'],
    [`<p data-x="${large}" title="t" onclick=${'y'.repeat(9)}>a</p>`, '<p title="t">a</p>'],
    [`<p style="color:red;mso-x:${large}">a</p>`, '<p>a</p>'],
    [
      `${'<p style="mso-x:y;color:red" class=MsoNormal>a</p>'.repeat(15_000)}`,
      '<p style="color:red">a</p>'.repeat(15_000),
    ],
    [`<p>${large}</p>`, null],
    [`<img src="data:image/png;base64,${'A'.repeat(HTML_LIMIT)}">a`, '<img />a'],
    [`<style>${large}</style><script>alert(1)</script><a href="javascript:x()" onclick="x()">a</a>`, '<a>a</a>'],
    [`<p title="<style>"><b>${' '.repeat(HTML_LIMIT)}</b>`, null],
  ];
  for (const [html, expected] of shown) assert.equal(displayHtml(html).html, expected, html.slice(0, 40));
});

test('hostile HTML costs linear time', () => {
  const before = process.cpuUsage();
  for (const piece of [
    '<a b ',
    '<!--',
    '<style>',
    '"cid:',
    'cid:',
    '<img src=data:image/png,x>',
    '&#x41;',
    "<p a='",
    '<p style="a:b" c>',
  ]) {
    const html = piece.repeat(2_000_000 / piece.length);
    dataPictures(html);
    namedFiles(html, [{ filename: 'a', contentId: 'a', location: 'b' }]);
    displayHtml(html);
  }
  assert.ok(process.cpuUsage(before).user < 20_000_000);
});
