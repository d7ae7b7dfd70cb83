/** The page in the whole daemon: where it is, who gets in, and what guessing costs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addAccount, type DaemonProcess, hostPort, withDaemon } from '../daemon-process.js';
import { highestMemory } from '../process-figures.js';
import { eventually } from '../run.js';
import { askAt, cookieOf, PASSWORD } from './served.js';

const SETTINGS = { 'web.listen': '127.0.0.1:0', 'web.trusted_proxies': ['127.0.0.0/8'] };

function asker(daemon: DaemonProcess) {
  const { port } = hostPort(daemon.listening.web);
  const host = `127.0.0.1:${port}`;
  return (method: string, place: string, body?: unknown, headers = {}) =>
    askAt(
      port,
      { method, place, body },
      { host, origin: `http://${host}`, 'content-type': 'application/json', ...headers },
    );
}

test('an agent gets a link over the API, chooses a password and is in', async () => {
  await withDaemon({ settings: SETTINGS }, async daemon => {
    await addAccount(daemon);
    const { web, http } = daemon.listening;
    assert.equal(daemon.events('listening')[0]!.web, web);
    const { key } = await daemon.json<{ key: string }>(['key', 'add', 'acme']);
    const made = await fetch(`http://${http}/v1/agents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'anna@acme.example', name: 'Anna' }),
    });
    const { link } = (await made.json()) as { link: string };
    assert.ok(link.startsWith(`http://${web}/sign-in#rpl_`), link);
    const ask = asker(daemon);
    assert.match((await ask('GET', '/')).text, /^<!doctype html>/);
    const used = await ask('POST', '/sign-in/password', { secret: link.split('#')[1], password: PASSWORD });
    assert.equal(used.status, 204, used.text);
    const me = await ask('GET', '/v1/me', undefined, { cookie: cookieOf(used.headers) });
    assert.equal(JSON.parse(me.text).name, 'Anna');
    assert.ok(!daemon.log().includes(link.split('#')[1]!));
    assert.equal(daemon.events('signed_in').length, 1);
    const doctor = await daemon.cli(['doctor']);
    assert.match(doctor.stdout, /port web +127\.0\.0\.1:\d+ answers/);
    await daemon.configure({ 'web.public_url': 'https://support.example.com' });
    daemon.signal('SIGHUP');
    const reloaded = await eventually('a reload', () => daemon.events('reloaded')[0]);
    assert.deepEqual(reloaded.restart_needed_for, ['web.public_url']);
    assert.equal((await ask('GET', '/')).status, 200, 'until a restart it is where it was');
  });
});

test('two hundred who guess at once cost little memory, and who has a session is served meanwhile', async () => {
  await withDaemon({ settings: SETTINGS }, async daemon => {
    await addAccount(daemon);
    const ask = asker(daemon);
    await ask('GET', '/');
    const before = highestMemory(daemon.pid);
    const guesses = Array.from({ length: 200 }, (_, at) =>
      ask(
        'POST',
        '/sign-in',
        { email: `p${at}@acme.example`, password: `wrong horse battery ${at}` },
        { 'x-forwarded-for': `192.0.2.${at}` },
      ),
    );
    assert.equal((await ask('GET', '/')).status, 200);
    const statuses = (await Promise.all(guesses)).map(answer => answer.status);
    assert.deepEqual([...new Set(statuses)].sort(), [401, 429]);
    assert.ok(statuses.filter(status => status === 401).length < 60);
    const more = (highestMemory(daemon.pid) - before) / 2 ** 20;
    assert.ok(more < 450, `${Math.round(more)} MiB more`);
  });
});
