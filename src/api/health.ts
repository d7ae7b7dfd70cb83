/**
 * Health for supervisors and Prometheus: `/healthz` (it runs), `/readyz` (it can take mail now), `/metrics`. All three are
 * cheap, need no key and say nothing of any account. They stand on `http.listen`, never on `ingress.listen`.
 *
 * Not ready is 503 with the reasons: the store cannot be written (a commit tells), there is no space, it is closing. The
 * figures that come from the store are read once in 5 s, however many ask; when the store cannot be read they are missing,
 * and `replyd_store_up` is 0, found out in the same way as `/readyz` does.
 */
import { readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { Exchange, HttpHandler } from '../base/http.js';
import { gauge, METRICS_TYPE, measured, renderMetrics } from '../base/metrics.js';
import type { DeliveryKind } from '../conversation/model.js';
import type { ShapeName } from './schema.js';

/** Unfinished deliveries. */
export interface QueueDepth {
  readonly kind: DeliveryKind;
  readonly count: number;
  /** Milliseconds since 1970: since when the one that is due longest has been due; null: none is due. */
  readonly dueSince: number | null;
}

/** Mails outside conversations; `removed`: those that went because of their limits. */
interface UnfiledSums {
  readonly mails: number;
  readonly bytes: number;
  readonly removed: number;
}

export interface HealthOptions {
  readonly version: string;
  readonly store: {
    queueDepth(): Promise<readonly QueueDepth[]>;
    unfiledSums(): Promise<UnfiledSums | null>;
    canStore(): Promise<unknown>;
  };
  /** Absent: not asked for. False: a mail would be on fewer standbys than the operator wants. */
  readonly onStandbys?: () => Promise<boolean>;
  readonly space: { readonly low: () => boolean; readonly free: () => number };
  readonly closing: () => boolean;
  readonly now: () => number;
}

interface Health extends HealthOptions {
  /** Brings the figures up to date that are looked up in the store, or clears them. Throws nothing. */
  readonly look: () => Promise<void>;
  /** Why the store can't take mail now. */
  readonly storeTroubles: () => Promise<readonly string[]>;
}

/** A place that needs no key: what it is for, what it answers, and how. The same entry stands in /openapi.json. */
export interface OpenPlace {
  readonly path: string;
  readonly summary: string;
  /** By status: a shape as JSON, or a media type. */
  readonly answers: Readonly<Record<string, { readonly one: ShapeName } | { readonly media: string }>>;
  readonly run: (health: Health, exchange: Exchange) => Promise<void>;
}

export const OPEN_PLACES: readonly OpenPlace[] = [
  {
    path: '/healthz',
    summary: 'The daemon runs',
    answers: { '200': { one: 'Health' } },
    run: (_, exchange) => exchange.json(200, { status: 'ok' }),
  },
  {
    path: '/readyz',
    summary: 'It can take mail now, or why not',
    answers: { '200': { one: 'Readiness' }, '503': { one: 'Readiness' } },
    async run(health, exchange) {
      const reasons = await troubles(health);
      const ready = reasons.length === 0;
      await exchange.json(ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', reasons });
    },
  },
  {
    path: '/metrics',
    summary: 'Figures for Prometheus',
    answers: { '200': { media: METRICS_TYPE } },
    async run({ look, storeTroubles }, exchange) {
      const [, reasons] = await Promise.all([look(), storeTroubles()]);
      up.set(reasons.length === 0 ? 1 : 0);
      await exchange.send(200, Buffer.from(renderMetrics()), { 'content-type': METRICS_TYPE });
    },
  },
];

const build = gauge('replyd_build_info', 'Always 1; the labels say what runs.', ['version', 'node']);
const up = gauge('replyd_store_up', 'Whether the store can take a mail now, as /readyz finds it: 1 or 0.');
const depth = gauge('replyd_queue_deliveries', 'Deliveries that are not finished.', ['kind']);
const overdue = gauge('replyd_queue_overdue_seconds', 'How long the longest due delivery has been due.', ['kind']);
const free = gauge('replyd_free_bytes', 'Free space on the disk of data_dir.');
const unfiledMails = gauge('replyd_unfiled_mails', 'Mails outside conversations.');
const unfiledBytes = gauge('replyd_unfiled_bytes', 'Bytes of mails outside conversations.');
let unfiledRemoved: number | null = null;
const removedHelp = 'Mails that went because of limits.unfiled or limits.unfiled_mails.';
measured('replyd_unfiled_removed_total', removedHelp, 'counter', () => unfiledRemoved);
const startedAt = Math.round(Date.now() / 1000 - process.uptime());
measured('process_start_time_seconds', 'When the process started, since 1970.', 'gauge', () => startedAt);
measured('process_resident_memory_bytes', 'Memory of the process.', 'gauge', () => process.memoryUsage.rss());
measured('process_cpu_seconds_total', 'Processor time of the process.', 'counter', () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
});
measured('process_open_fds', 'Open file descriptors.', 'gauge', () => {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
});

/** A writer that answers later than this can't take mail in time. */
const TIMEOUT = 5_000;
const LOOK_INTERVAL = 5_000;
/** Anybody may ask whether it is ready, and each time would be a commit: whoever asks sooner hears the last answer. */
const COMMIT_INTERVAL = 1_000;

export function createHealth(options: HealthOptions): HttpHandler {
  build.set(1, [options.version, process.version]);
  let lookAgain = 0;
  const lookAtFigures = async () => {
    const now = options.now();
    const [found, unfiled] = await Promise.all([options.store.queueDepth(), options.store.unfiledSums()]);
    for (const kind of ['mail', 'webhook'] as const) {
      const { count, dueSince } = found.find(each => each.kind === kind) ?? { count: 0, dueSince: null };
      depth.set(count, [kind]);
      overdue.set(dueSince === null ? 0 : Math.max(0, (now - dueSince) / 1000), [kind]);
    }
    unfiledMails.set(unfiled?.mails ?? 0);
    unfiledBytes.set(unfiled?.bytes ?? 0);
    unfiledRemoved = unfiled?.removed ?? 0;
  };
  const look = async () => {
    free.set(options.space.free());
    if (performance.now() < lookAgain) return;
    lookAgain = performance.now() + LOOK_INTERVAL;
    if (await inTime(lookAtFigures().then(() => true))) return;
    // What was true before it went away is not said again as if it were.
    for (const figure of [depth, overdue, unfiledMails, unfiledBytes]) figure.clear();
    unfiledRemoved = null;
  };
  let commitAgain = 0;
  let found: Promise<readonly string[]>;
  const storeTroubles = () => {
    if (performance.now() >= commitAgain) {
      commitAgain = performance.now() + COMMIT_INTERVAL;
      found = lookAtStore(options);
    }
    return found;
  };
  return async exchange => {
    const place = OPEN_PLACES.find(each => each.path === exchange.path);
    if (place === undefined || !['GET', 'HEAD'].includes(exchange.method)) return false;
    exchange.take('health');
    await place.run({ ...options, look, storeTroubles }, exchange);
    return true;
  };
}

async function troubles({ closing, space, storeTroubles }: Health): Promise<readonly string[]> {
  const reasons: string[] = [];
  if (closing()) reasons.push('closing');
  if (space.low()) reasons.push('less free space than limits.min_free');
  return [...reasons, ...(await storeTroubles())];
}

async function lookAtStore({ store, onStandbys }: HealthOptions): Promise<readonly string[]> {
  if (!(await inTime(store.canStore().then(() => true)))) return ['the store does not answer'];
  if (onStandbys === undefined || (await inTime(onStandbys()))) return [];
  return ['fewer standbys than store.standbys'];
}

async function inTime(probe: Promise<boolean>): Promise<boolean> {
  const answered = probe.catch(() => false);
  return Promise.race([answered, setTimeout(TIMEOUT, false, { ref: false })]);
}
