/** What `sslmode` and several hosts in `store.url` do with real servers. */
import assert from 'node:assert/strict';
import { chownSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { insiderText, isAway, isReplydError } from '#replyd/base/errors.js';
import type { PostgresAddress } from '#replyd/store/opener.js';
import { examineDatabase } from '#replyd/store/postgres/examine.js';
import { postgresAddress } from '../engine.js';
import { freePorts } from '../run.js';
import { type Cluster, postgresFolder, postgresMissing, startCluster } from './cluster.js';

const skip = postgresMissing() ?? false;
let folder: string;
let certificate: string;
/** With a certificate for localhost and 127.0.0.1 that it signed itself, and one without TLS. */
let cluster: Cluster;
let plain: Cluster;

if (skip === false) {
  before(async () => {
    folder = postgresFolder();
    const pem = readFileSync('test/outbound/localhost.pem');
    certificate = path.join(folder, 'server.pem');
    writeFileSync(certificate, pem, { mode: 0o600 });
    const { uid, gid } = statSync(folder);
    chownSync(certificate, uid, gid);
    const settings = { ssl: 'on', ssl_cert_file: certificate, ssl_key_file: certificate };
    cluster = await startCluster({ settings: { ...settings, listen_addresses: '127.0.0.1,127.0.0.2' } });
    plain = await startCluster();
    await plain.createStore('d');
    await cluster.createStore('d');
  });
  after(async () => {
    await cluster.close();
    await plain.close();
    rmSync(folder, { recursive: true });
  });
}

/** What a connection is: the server it is to, and whether it is encrypted; or why there is none. */
async function connection(url: string): Promise<string> {
  const address = postgresAddress(url, '/nonexistent', { patience: 20_000 }) as PostgresAddress;
  try {
    const { server, encrypted } = await examineDatabase(address);
    return `${server} ${encrypted ? 'encrypted' : 'plain'}`;
  } catch (error) {
    assert.ok(isReplydError(error, 'unavailable'), String(error));
    return `${isAway(error) ? 'away' : 'refused'}: ${insiderText(error)}`;
  }
}

test('sslmode, with a server that has TLS', { skip }, async () => {
  const at = (host: string, mode: string) => connection(`postgres://replyd@${host}:${cluster.port}/d${mode}`);
  const good = `127.0.0.1:${cluster.port}`;
  assert.equal(await at('127.0.0.1', ''), `${good} encrypted`);
  assert.equal(await at('127.0.0.1', '?sslmode=disable'), `${good} plain`);
  assert.equal(await at('127.0.0.1', '?sslmode=allow'), `${good} plain`);
  assert.equal(await at('127.0.0.1', '?sslmode=require'), `${good} encrypted`);
  const known = `&sslrootcert=${encodeURIComponent(certificate)}`;
  assert.equal(await at('127.0.0.1', `?sslmode=verify-full${known}`), `${good} encrypted`);
  assert.equal(await at('127.0.0.2', `?sslmode=verify-ca${known}`), `127.0.0.2:${cluster.port} encrypted`);
  assert.match(
    await at('127.0.0.2', `?sslmode=verify-full${known}`),
    /^refused: .*127\.0\.0\.2 is not in the cert's list/,
  );
  assert.match(await at('127.0.0.1', '?sslmode=verify-full&sslrootcert=system'), /^refused: .*self-signed certificate/);
});

test('sslmode, with a server that has none', { skip }, async () => {
  const at = (mode: string) => connection(`postgres://replyd@127.0.0.1:${plain.port}/d${mode}`);
  assert.equal(await at(''), `127.0.0.1:${plain.port} plain`);
  assert.match(await at('?sslmode=require'), /^refused: .*does not support SSL connections$/);
});

test('a server that takes a user only with TLS, or only without', { skip }, async () => {
  const [{ hba_file: file }] = (await cluster.sql('postgres', 'show hba_file')) as unknown as [{ hba_file: string }];
  const at = (mode: string) => connection(`postgres://replyd@127.0.0.1:${cluster.port}/d${mode}`);
  const only = async (kind: 'hostssl' | 'hostnossl') => {
    await cluster.stop('fast');
    writeFileSync(file, `${kind} all all 127.0.0.1/32 trust\n`);
    await cluster.start();
  };
  await only('hostssl');
  assert.equal(await at('?sslmode=allow'), `127.0.0.1:${cluster.port} encrypted`);
  assert.match(await at('?sslmode=disable'), /^refused: .*no pg_hba\.conf entry/);
  await only('hostnossl');
  assert.equal(await at('?sslmode=prefer'), `127.0.0.1:${cluster.port} plain`);
  assert.match(await at('?sslmode=require'), /^refused: .*no pg_hba\.conf entry/);
});

test('several hosts are tried in turn', { skip }, async () => {
  const [nobody] = (await freePorts(1)) as [number];
  const there = `127.0.0.1:${plain.port}`;
  assert.equal(await connection(`postgres://replyd@127.0.0.1:${nobody},${there}/d`), `${there} plain`);
  assert.equal(await connection(`postgres://replyd@nowhere.invalid,${there}/d`), `${there} plain`);
  const away = await connection(`postgres://replyd@127.0.0.1:${nobody},nowhere.invalid/d`);
  assert.match(away, /^away: cannot use PostgreSQL at 127\.0\.0\.1:\d+\/d: .*refused; nowhere\.invalid:5432\/d: /);
});
