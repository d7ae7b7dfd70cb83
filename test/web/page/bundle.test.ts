import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';

const BUILT = 'dist/web';
const SOURCES = 'src/web/page';

interface Manifest {
  readonly page: string;
  readonly assets: Readonly<Record<string, { readonly type: string; readonly size: number; readonly gzip: number }>>;
}

const manifest = JSON.parse(readFileSync(path.join(BUILT, 'manifest.json'), 'utf8')) as Manifest;

function sources(): string[] {
  return readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .filter(name => /\.tsx?$/.test(name))
    .map(name => path.join(SOURCES, name));
}

test('the manifest names every file of the bundle, with a hash in its name, its type, and its size plain and gzipped', () => {
  const built = readdirSync(path.join(BUILT, 'assets')).map(name => `/assets/${name}`);
  const named = Object.keys(manifest.assets).flatMap(address => [address, `${address}.gz`]);
  assert.deepEqual(named.sort(), built.sort());
  for (const [address, { type, size, gzip }] of Object.entries(manifest.assets)) {
    assert.match(address, /^\/assets\/[a-z]+-[A-Z0-9]{8}\.(?:js|css|svg)$/);
    assert.match(type, /^(?:text\/(?:javascript|css); charset=utf-8|image\/svg\+xml)$/);
    const bytes = readFileSync(path.join(BUILT, address));
    const zipped = readFileSync(path.join(BUILT, `${address}.gz`));
    assert.deepEqual([bytes.length, zipped.length], [size, gzip]);
    assert.ok(gunzipSync(zipped).equals(bytes), address);
  }
});

test('all of the page has at most 100 kB, gzipped', () => {
  const files = [manifest.page, ...Object.keys(manifest.assets)];
  const size = files.reduce((sum, file) => sum + gzipSync(readFileSync(path.join(BUILT, file))).length, 0);
  assert.ok(size <= 100_000, `${size} bytes`);
});

test('the page itself has no script and no style in it, and asks for its own files only', () => {
  const html = readFileSync(path.join(BUILT, manifest.page), 'utf8');
  const addresses = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(match => match[1]!);
  assert.deepEqual(addresses.sort(), Object.keys(manifest.assets).sort());
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/i);
});

test('text is set as text, and nothing is made a program', () => {
  assert.ok(sources().length > 30);
  for (const file of sources()) {
    const text = readFileSync(file, 'utf8');
    assert.doesNotMatch(
      text,
      /dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|srcdoc|document\.write|\beval\(|new Function/,
      file,
    );
    assert.doesNotMatch(text, /\bstyle=/, file);
  }
});

test('no other host is named in the bundle', () => {
  for (const address of Object.keys(manifest.assets)) {
    const text = readFileSync(path.join(BUILT, address), 'utf8');
    const hosts = [...text.matchAll(/https?:\/\/([\w.-]+)/g)].map(match => match[1]!);
    // Names of XML's vocabularies, which nobody asks for anything.
    assert.deepEqual(
      hosts.filter(host => host !== 'www.w3.org'),
      [],
      address,
    );
  }
});
