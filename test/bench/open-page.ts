/**
 * `npm run bench -- open-page`: what an agent's open page and the search take from the rate at which mails are taken. Two
 * daemons of this build in turns, as in `against.ts`: one with the search and a page that is open all the time, one without
 * either. The page is told of every mail of the account by the stream, and reads its list and a conversation once a second,
 * which is more than the page does; it is no browser, which would run on another machine.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { hostPort, makeDaemon } from '../daemon-process.js';
import { askAt, cookieOf, PASSWORD } from '../web/served.js';
import { filledSide, inTurns, type Side } from './against.js';
import { print } from './figures.js';

/** Milliseconds. */
const READ_EVERY = 1_000;

export async function openPage(quick: boolean): Promise<void> {
  const sides: Side[] = [];
  const leaving = new AbortController();
  try {
    const beside = { 'log.level': 'info', 'web.listen': '127.0.0.1:0' };
    sides.push(await filledSide('with page and search', await makeDaemon({ settings: beside })));
    const without = { 'log.level': 'info', 'search.enabled': false };
    sides.push(await filledSide('without', await makeDaemon({ settings: without })));
    const page = await open(sides[0]!, leaving.signal);
    await inTurns(sides, quick);
    const { events, answers } = page();
    if (events === 0 || answers === 0) throw new Error(`the page got ${events} bytes of events, ${answers} answers`);
    print(`the page got ${Math.round(events / 1e6)} MB of events and ${answers} answers`);
  } finally {
    leaving.abort();
    for (const { daemon } of sides) await daemon.close();
  }
}

/** Signs an agent in, and does as his page does until it is left. Gives what the page got. */
async function open({ daemon }: Side, signal: AbortSignal) {
  const { key } = await daemon.json<{ key: string }>(['key', 'add', 'acme']);
  // The daemon alone knows its port.
  const added = await fetch(`http://${daemon.listening.http}/v1/agents`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'anna@acme.example', name: 'Anna' }),
  });
  const { link } = (await added.json()) as { link: string };
  const { port } = hostPort(daemon.listening.web);
  const origin = `http://127.0.0.1:${port}`;
  const signed = await askAt(
    port,
    { method: 'POST', place: '/sign-in/password', body: { secret: link.split('#')[1], password: PASSWORD } },
    { host: `127.0.0.1:${port}`, origin, 'content-type': 'application/json' },
  );
  if (signed.status !== 204) throw new Error(`not signed in: ${signed.status} ${signed.text}`);
  const headers = { cookie: cookieOf(signed.headers) };
  let [events, answers] = [0, 0];
  const ask = async <T>(place: string): Promise<T> => {
    const answer = await fetch(`${origin}${place}`, { headers, signal });
    if (answer.status !== 200) throw new Error(`${place}: ${answer.status} ${await answer.text()}`);
    const body = (await answer.json()) as T;
    answers += 1;
    return body;
  };
  const follow = async () => {
    const stream = await fetch(`${origin}/v1/events?account=acme`, { headers, signal });
    for await (const chunk of stream.body!) events += chunk.length;
  };
  const read = async () => {
    while (!signal.aborted) {
      const { data } = await ask<{ data: readonly { id: string }[] }>(
        '/v1/conversations?account=acme&status=open&preview=160',
      );
      await ask(`/v1/conversations/${data[0]!.id}`);
      await sleep(READ_EVERY, undefined, { signal });
    }
  };
  let fault: unknown;
  for (const work of [follow, read])
    work().catch(error => {
      if (!signal.aborted) fault = error;
    });
  return () => {
    if (fault !== undefined) throw fault;
    return { events, answers };
  };
}
