import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { AgentProfile, Conversation } from '#replyd/conversation/model.js';
import { makeProgram, makeShop } from '../program.js';

interface Made extends AgentProfile {
  readonly account: string;
  readonly link: string | null;
  readonly mailed: string | null;
}

const ADD = ['agent', 'add', 'anna@acme.example', '--account=acme', '--name=Anna'];
const WEB = 'web.listen = "127.0.0.1:8027"\n';

test('agents are added, shown, changed and removed', async t => {
  const program = await makeShop(t);
  const added = await program.run(ADD);
  assert.equal(added.code, 0);
  assert.match(added.stdout, /Anna <anna@acme\.example>/);
  assert.doesNotMatch(added.stdout, /sign-in/);
  assert.match(added.stderr, /set web\.listen/);
  assert.match(
    await program.text(['agent', 'list']),
    /acme +Anna +anna@acme\.example +agent +assigned +no password yet/,
  );
  const [changed] = await program.json<AgentProfile>([
    'agent',
    'set',
    'ANNA@acme.example',
    'role=admin',
    'name=Anna B.',
  ]);
  assert.deepEqual([changed?.name, changed?.accounts[0]?.role], ['Anna B.', 'admin']);
  const wrong = await program.run(['agent', 'set', 'anna@acme.example', 'role=king']);
  assert.deepEqual([wrong.code, /there is no role "king"/.test(wrong.stderr)], [2, true]);
  await program.text(['account', 'add', 'other', '--support-email=help@other.example']);
  await program.text(['agent', 'add', 'anna@acme.example', '--account=other', '--name=X', '--notify=all']);
  const which = await program.run(['agent', 'set', 'anna@acme.example', 'notify=none']);
  assert.deepEqual([which.code, /acme or other\): say which with --account/.test(which.stderr)], [2, true]);
  await program.text(['agent', 'set', 'anna@acme.example', 'notify=none', '--account=other']);
  assert.match(await program.text(['agent', 'show', 'anna@acme.example']), /other \(agent, notify none\)/);
  assert.match(await program.text(['agent', 'disable', 'anna@acme.example']), /disabled/);
  assert.match(await program.text(['agent', 'enable', 'anna@acme.example']), /no password yet/);
  assert.equal((await program.run(['agent', 'remove', 'anna@acme.example'])).code, 2, 'nobody can be asked');
  await program.text(['agent', 'remove', 'anna@acme.example', '--account=other', '--yes']);
  assert.equal((await program.json(['agent', 'list', '--account=other'])).length, 0);
  assert.equal(
    await program.text(['agent', 'remove', 'anna@acme.example', '--yes']),
    'removed agent anna@acme.example\n',
  );
  const gone = await program.run(['agent', 'show', 'anna@acme.example']);
  assert.deepEqual([gone.code, /no agent "anna@acme\.example"/.test(gone.stderr)], [1, true]);
});

test('a conversation is assigned to an agent, or to nobody', async t => {
  const program = await makeShop(t);
  await program.text(ADD);
  assert.match(
    await program.text(['conversation', 'assign', 'acme#1', 'anna@acme.example']),
    /assigned to +Anna <anna@acme\.example>/,
  );
  const mine = ['conversation', 'list', '--assignee=anna@acme.example'];
  assert.equal((await program.json<Conversation>(mine))[0]?.assignee?.name, 'Anna');
  assert.match(await program.text(mine), /Anna/);
  assert.equal((await program.json<Conversation>(['conversation', 'list', '--assignee=none'])).length, 0);
  assert.equal((await program.json<Conversation>(['conversation', 'list', '--held'])).length, 0);
  assert.equal((await program.run(['conversation', 'assign', 'acme#1', 'bo@acme.example'])).code, 1);
  const [freed] = await program.json<Conversation>(['conversation', 'assign', 'acme#1', 'none']);
  assert.equal(freed?.assignee, null);
});

test('a link to sign in is printed whole, and leads to the page', async t => {
  const program = await makeShop(t, WEB);
  const [made] = await program.json<Made>(ADD);
  assert.match(made!.link ?? '', /^http:\/\/127\.0\.0\.1:8027\/sign-in#rpl_[\w-]{32}$/);
  assert.equal(made!.mailed, null, 'nothing leaves by accident');
  assert.deepEqual(await program.json(['queue', 'list']), []);
  const lines = (await program.text(['agent', 'link', 'anna@acme.example'])).split('\n');
  assert.match(lines[0]!, /^http:\/\/127\.0\.0\.1:8027\/sign-in#rpl_[\w-]{32}$/);
});

test('where a smarthost is set the link is mailed too', async t => {
  const settings = 'outbound.transport = "smtp"\noutbound.host = "127.0.0.1"\nweb.public_url = "https://s.example"\n';
  const program = await makeShop(t, WEB + settings);
  const [made] = await program.json<Made>(ADD);
  assert.match(made!.link ?? '', /^https:\/\/s\.example\/sign-in#rpl_/);
  const [queued] = await program.json<{ id: string; kind: string; recipient: string }>(['queue', 'list']);
  assert.deepEqual([queued?.id, queued?.kind, queued?.recipient], [made!.mailed, 'notification', 'anna@acme.example']);
  assert.ok(!JSON.stringify(queued).includes(made!.link!.split('#')[1]!));
});

test('a page that others reach has to be encrypted', async t => {
  const open = makeProgram(t, 'web.listen = "0.0.0.0:8027"\n');
  const { code, stderr } = await open.run(['check-config']);
  assert.deepEqual([code, /web\.public_url: .*must begin with https/s.test(stderr)], [1, true]);
  assert.deepEqual(readdirSync(path.dirname(open.configFile)), ['replyd.toml']);
  const closed = makeProgram(t, 'web.listen = "0.0.0.0:8027"\nweb.public_url = "https://s.example"\n');
  assert.equal((await closed.run(['check-config'])).code, 0);
});
