/**
 * Strangers who post the same thing all at once, again and again for a while, each from an address of his own. They work in a
 * thread of their own, so that their work does not delay what is measured beside them. Gives how often each status was
 * answered; 0 is no answer.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { ask, type HttpQuestion } from './http-client.js';

interface Work {
  readonly url: string;
  readonly question: HttpQuestion;
  readonly addresses: readonly string[];
  /** Milliseconds; what was begun until then is answered. */
  readonly time: number;
}

export type Statuses = ReadonlyMap<number, number>;

export async function startStrangers(work: Work): Promise<Statuses> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { strangers: work } });
  const [statuses] = (await once(worker, 'message')) as [Statuses];
  await worker.terminate();
  return statuses;
}

async function postAll({ url, question, addresses, time }: Work): Promise<Statuses> {
  const until = performance.now() + time;
  const statuses = new Map<number, number>();
  const post = async (from: string) => {
    while (performance.now() < until) {
      const { status } = await ask(url, { ...question, from });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(addresses.map(post));
  return statuses;
}

if (!isMainThread && workerData?.strangers !== undefined) {
  parentPort!.postMessage(await postAll((workerData as { strangers: Work }).strangers));
}
