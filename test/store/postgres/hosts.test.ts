/** A list of hosts of which the first one swallows all: the next one is used while whoever asked still waits. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { insiderText, isReplydError } from '#replyd/base/errors.js';
import { connect } from '#replyd/store/postgres/connection.js';
import { openPostgres } from '#replyd/store/postgres/open.js';
import { startProxy } from '../../cluster/proxy.js';
import { postgresMissing, startCluster } from '../../postgres/cluster.js';
import { RULES } from '../rules.js';

const PATIENCE = 8_000;

test('a first host that takes connections and never answers', { skip: postgresMissing() ?? false }, async context => {
  const cluster = await startCluster();
  context.after(() => cluster.close());
  const database = await cluster.createStore();
  const hole = await startProxy(cluster.port);
  context.after(() => hole.close());
  hole.behave('hole');
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-hosts-'));
  context.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const at = (port: number) => ({ host: '127.0.0.1', port, user: 'replyd', database });
  const servers = [at(hole.port), at(cluster.port)];
  const store = await openPostgres({ servers, dataDir, rules: RULES, migrate: false, patience: PATIENCE });
  context.after(() => store.close());
  // Each waits for a connection of its own, and no longer than `patience`.
  const account = { slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' };
  await Promise.all([store.addAccount(account), store.accounts()]);
  assert.deepEqual(
    (await store.accounts()).map(({ slug }) => slug),
    ['acme'],
  );

  const nowhere = connect([at(hole.port), at(hole.port)], 200);
  await assert.rejects(nowhere, error => {
    assert.ok(isReplydError(error, 'unavailable'));
    assert.match(insiderText(error), /timeout.*; .*timeout/, 'both were tried');
    return true;
  });
});
