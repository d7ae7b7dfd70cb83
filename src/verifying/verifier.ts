/**
 * Asks the DNS who sent a mail: SPF, DKIM and DMARC, by mailauth in a thread of its own, which starts with the first
 * question. At most 20 mails are asked about at once, the others wait for their turn within their own time.
 *
 * | what happens                      | the verdicts                                               |
 * |-----------------------------------|------------------------------------------------------------|
 * | the DNS does not answer, in time  | `temperror`                                                |
 * | no turn in time                   | `temperror`                                                |
 * | the thread dies or hangs          | `temperror` for the mails it had; the next one starts anew |
 *
 * Nothing throws: what cannot be verified is not refused.
 */
import { Worker } from 'node:worker_threads';
import { errorText } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Verifier } from '../conversation/ports.js';
import type { Authentication } from '../mail/authentication.js';
import { unanswered } from './verdicts.js';
import type { VerifyJob, VerifyResult } from './worker.js';

export interface VerifierOptions {
  /** DNS servers, `address` or `address:port`; none: those of the system. */
  readonly servers: () => readonly string[];
  readonly log: Log;
}

export interface OpenVerifier extends Verifier {
  close(): Promise<void>;
}

const AT_ONCE = 20;
const HEAP_MB = 128;
/** A thread that owes an answer for so long hangs (milliseconds). */
const PATIENCE = 60_000;

interface Asked extends VerifyJob {
  /** Tells the verdicts, once; whoever waited for them may be gone. */
  readonly tell: (verdicts: Authentication) => void;
}

export function openVerifier({ servers, log }: VerifierOptions): OpenVerifier {
  const running = new Map<number, Asked>();
  const waiting: Asked[] = [];
  let worker: { readonly thread: Worker; readonly servers: string } | null = null;
  let lastId = 0;
  let overdue: NodeJS.Timeout | undefined;
  let closing = false;

  const ended = (thread: Worker, reason: string) => {
    if (worker?.thread !== thread) return;
    worker = null;
    if (running.size > 0) log.warn('verifier_ended', { reason, mails: running.size });
    for (const { mail, tell } of running.values()) tell(unanswered(reason, { spf: mail.client !== null }));
    running.clear();
    forward();
  };

  const threadFor = (wanted: readonly string[]): Worker => {
    if (worker !== null && (worker.servers === wanted.join() || running.size > 0)) return worker.thread;
    void worker?.thread.terminate();
    const thread = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: { servers: wanted },
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    thread.unref();
    thread.on('message', ({ id, verdicts }: VerifyResult) => {
      const asked = running.get(id);
      running.delete(id);
      asked?.tell(verdicts);
      watch();
      forward();
    });
    thread.on('error', error => ended(thread, errorText(error)));
    thread.on('exit', () => ended(thread, 'the verifier ended'));
    worker = { thread, servers: wanted.join() };
    return thread;
  };

  /** From each answer on, as long as it owes another. */
  const watch = () => {
    clearTimeout(overdue);
    if (running.size > 0) overdue = setTimeout(() => void worker?.thread.terminate(), PATIENCE).unref();
  };

  const forward = () => {
    while (waiting.length > 0 && running.size < AT_ONCE && !closing) {
      const asked = waiting.shift()!;
      try {
        threadFor(servers()).postMessage({ id: asked.id, mail: asked.mail } satisfies VerifyJob);
        running.set(asked.id, asked);
        if (running.size === 1) watch();
      } catch (error) {
        asked.tell(unanswered(errorText(error), { spf: asked.mail.client !== null }));
      }
    }
  };

  return {
    verify(mail, { within }) {
      return new Promise(resolve => {
        const tell = (verdicts: Authentication) => {
          clearTimeout(late);
          resolve(verdicts);
        };
        const asked: Asked = { id: ++lastId, mail, tell };
        const late = setTimeout(() => {
          const at = waiting.indexOf(asked);
          if (at !== -1) waiting.splice(at, 1);
          tell(unanswered(`no answer within ${within} ms`, { spf: mail.client !== null }));
        }, within);
        waiting.push(asked);
        forward();
      });
    },
    async close() {
      closing = true;
      clearTimeout(overdue);
      for (const { mail, tell } of waiting.splice(0)) tell(unanswered('closed', { spf: mail.client !== null }));
      await worker?.thread.terminate();
    },
  };
}
