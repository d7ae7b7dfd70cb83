import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markdownToHtml, plainToHtml } from '#replyd/conversation/markdown.js';

test('what agents write becomes small HTML', () => {
  const cases: [string, string][] = [
    ['a\nb', '<p>a<br>\nb</p>'],
    ['**a** _b_ `c`', '<p><strong>a</strong> <em>b</em> <code>c</code></p>'],
    ['- a\n- b', '<ul>\n<li>a</li>\n<li>b</li>\n</ul>'],
    ['> a', '<blockquote>\n<p>a</p>\n</blockquote>'],
    ['```\n<a>\n```', '<pre><code>&lt;a&gt;\n</code></pre>'],
    ['[a](https://x.example/?a=1&b=2)', '<p><a href="https://x.example/?a=1&amp;b=2">a</a></p>'],
    ['https://x.example/a', '<p><a href="https://x.example/a">https://x.example/a</a></p>'],
    ['see report.py and 10.0.0.1', '<p>see report.py and 10.0.0.1</p>'],
    ['', ''],
  ];
  for (const [markdown, html] of cases) assert.equal(markdownToHtml(markdown), html);
});

test('nothing active and nothing remote comes out of it', () => {
  const hostile = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '[a](javascript:alert(1))',
    '[a](JaVaScRiPt:alert(1))',
    '[a](data:text/html,x)',
    '[a](vbscript:x)',
    '[a](file:///etc/passwd)',
    '![a](https://tracker.example/p.gif)',
    '![a](javascript:alert(1))',
    '[a]: javascript:alert(1)\n\n[a]',
    '<javascript:alert(1)>',
    '[a](https://x.example "\\" onclick=\\"x")',
  ];
  for (const text of hostile) {
    const html = markdownToHtml(text);
    assert.doesNotMatch(html, /<(?:script|img)|href="(?!https:|mailto:)|<[^>]* on\w+="/i, text);
  }
});

test('deep nesting and long text end quietly', () => {
  for (const text of ['>'.repeat(60_000), '- '.repeat(30_000), '['.repeat(60_000), '*a_ '.repeat(16_000)]) {
    assert.ok(markdownToHtml(text).length > 0);
  }
  assert.match(markdownToHtml('**a** '.repeat(20_000)), /^<p>\*\*a\*\* /);
});

test('plain text keeps its lines, its indentation and its signs', () => {
  assert.equal(
    plainToHtml('a <b> & "c"\n  d\n\n \n\ne'),
    '<p>a &lt;b&gt; &amp; &quot;c&quot;<br>\n&nbsp;&nbsp;d</p>\n<p>e</p>',
  );
  assert.equal(plainToHtml('\n\n'), '');
});
