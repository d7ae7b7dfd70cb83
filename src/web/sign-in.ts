/**
 * How agents get in and out: by address and password, by a link that is good once, and out again. Whose link it is, is asked
 * by a POST with its secret, which stands behind the `#` of the link: no GET changes or uses anything.
 *
 * Wrong passwords are slowed down by person and by client (`base/attempts.ts`). Who comes in anew gets a new session, and
 * the one that his browser had ends. The log says who came in and which client was refused: never an address or a secret,
 * since people type passwords into the wrong field.
 */
import type { Attempts } from '../base/attempts.js';
import { isReplydError, type ReplydError } from '../base/errors.js';
import type { Exchange } from '../base/http.js';
import type { Log } from '../base/log.js';
import { counter } from '../base/metrics.js';
import type { AgentStore, SignedIn } from '../conversation/agent-store.js';
import { signInByPassword } from '../conversation/password-sign-in.js';
import { foldAddress } from '../mail/address.js';
import { readFields, textOf } from './fields.js';
import { type Site, sessionCookie, sessionIn } from './site.js';

export type SignInStore = Pick<
  AgentStore,
  'signInLink' | 'useSignInLink' | 'openSession' | 'session' | 'endSession' | 'endSessions' | 'changePassword'
>;

export interface SignInOptions {
  readonly store: SignInStore;
  readonly log: Log;
  readonly attempts: Attempts;
  readonly site: () => Site;
  /** As what whoever asks is counted. */
  readonly clientOf: (exchange: Exchange) => string;
}

const signIns = counter(
  'replyd_sign_ins_total',
  'Attempts of agents to sign in: signed_in, wrong (address or password), slowed (too many before), dead_link.',
  ['outcome'],
);

const DEAD_LINK = 'This link was used already, or is over. Ask for a new one, or sign in with your password.';

type Handler = (exchange: Exchange) => Promise<void>;

/** By path; each is a POST. */
export function signInRoutes(options: SignInOptions): Readonly<Record<string, Handler>> {
  const { store, log, attempts, site, clientOf } = options;

  async function enter(exchange: Exchange, { secret, agent }: SignedIn, by: 'password' | 'link'): Promise<void> {
    const before = sessionIn(exchange, site());
    if (before !== null) await store.endSession(before);
    signIns.add(['signed_in']);
    log.info('signed_in', { agent: agent.id, client: clientOf(exchange), by });
    await exchange.send(204, null, sessionCookie(site(), secret));
  }

  function refused(exchange: Exchange, reason: 'wrong' | 'slowed' | 'dead_link'): void {
    signIns.add([reason]);
    log.info('sign_in_refused', { client: clientOf(exchange), reason });
  }

  async function slowDown(exchange: Exchange, seconds: number): Promise<void> {
    refused(exchange, 'slowed');
    const detail = `Too many attempts to sign in: try again in ${seconds} s.`;
    await exchange.problem(429, detail, {}, { 'retry-after': String(seconds) });
  }

  async function deadLink(exchange: Exchange): Promise<void> {
    refused(exchange, 'dead_link');
    await exchange.problem(404, DEAD_LINK, { code: 'not_found' });
  }

  return {
    async '/sign-in'(exchange) {
      const fields = await readFields(exchange);
      const who = { email: textOf(fields, 'email'), password: textOf(fields, 'password') };
      const outcome = await signInByPassword({ store, attempts }, { ...who, client: clientOf(exchange) });
      switch (outcome.kind) {
        case 'signed_in':
          return enter(exchange, outcome, 'password');
        case 'wait':
          return slowDown(exchange, outcome.seconds);
        case 'wrong':
          refused(exchange, 'wrong');
          return exchange.problem(401, 'This address and this password do not fit together.');
      }
    },
    async '/sign-in/link'(exchange) {
      const owner = await store.signInLink(textOf(await readFields(exchange), 'secret'));
      if (owner === null) return deadLink(exchange);
      await exchange.json(200, owner);
    },
    async '/sign-in/password'(exchange) {
      const fields = await readFields(exchange);
      const [secret, password] = [textOf(fields, 'secret'), textOf(fields, 'password')];
      let signedIn: SignedIn | null;
      try {
        signedIn = await store.useSignInLink(secret, password);
      } catch (error) {
        if (!isReplydError(error, 'too_many_requests')) throw error;
        return slowDown(exchange, waitOf(error));
      }
      return signedIn === null ? deadLink(exchange) : enter(exchange, signedIn, 'link');
    },
    /** Whoever is signed in gives himself another; he stays signed in here alone. */
    async '/password'(exchange) {
      const fields = await readFields(exchange);
      const [current, next] = [textOf(fields, 'current'), textOf(fields, 'password')];
      const secret = sessionIn(exchange, site());
      const session = secret === null ? null : await store.session(secret);
      if (session === null) return exchange.problem(401, 'Nobody is signed in.');
      const attempt = attempts.begin({ person: foldAddress(session.agent.email), client: clientOf(exchange) });
      if (attempt.kind === 'wait') return slowDown(exchange, attempt.seconds);
      let changed: SignedIn | null;
      try {
        changed = await store.changePassword(secret!, { current, next });
      } catch (error) {
        attempt.takenBack();
        if (!isReplydError(error, 'too_many_requests')) throw error;
        return slowDown(exchange, waitOf(error));
      }
      if (changed === null) {
        refused(exchange, 'wrong');
        return exchange.problem(403, 'That is not your password.');
      }
      attempt.succeeded();
      log.info('password_changed', { agent: changed.agent.id, client: clientOf(exchange) });
      await exchange.send(204, null, sessionCookie(site(), changed.secret));
    },
    async '/sign-out'(exchange) {
      const { everywhere = false } = await readFields(exchange);
      const secret = sessionIn(exchange, site());
      const session = secret === null ? null : await store.session(secret);
      if (session !== null) {
        if (everywhere === true) await store.endSessions(session.agent.id);
        else await store.endSession(secret!);
        log.info('signed_out', { agent: session.agent.id, ...(everywhere === true ? { everywhere } : {}) });
      }
      await exchange.send(204, null, sessionCookie(site(), null));
    },
  };
}

function waitOf(error: ReplydError): number {
  return Number(error.details.retry_after ?? 1);
}
