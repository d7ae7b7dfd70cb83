/**
 * The node that a store is opened for (`verbs/nodes.ts`): it joins, says every 5 s that it is alive, ends the leases of nodes
 * that are dead, and leaves when the store is closed. A node that was frozen or cut off for so long that others took its
 * place joins again and goes on. A heartbeat that fails is said and tried again with the next one.
 *
 * When the database was away, nobody could say that he is alive, and all look dead. So a node takes others for dead only
 * when it was itself heard for a while without a gap.
 */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { errorText, isAway, ReplydError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { readTextFile, replaceTextFile } from '../../base/text-file.js';
import type { Calls } from '../calls.js';
import { NODE_PLACES } from '../ids.js';
import type { NodePlace } from '../tx.js';
import type { NodeFacts } from '../verbs/nodes.js';

const EVERY = 5_000;
/** Milliseconds between two heartbeats that were heard: more is a gap. */
const GAP = 15_000;
const JUDGES_AFTER = 30_000;

export interface NodeOptions {
  /** As they are now. */
  readonly facts: () => NodeFacts;
  readonly log?: Log;
  /** Milliseconds between two heartbeats. */
  readonly every?: number;
  /** Milliseconds that it is heard before it takes others for dead. */
  readonly judgesAfter?: number;
}

export interface JoinedNode {
  close(): Promise<void>;
}

/** `took`: where it stands from now on. Throws unavailable when there are too many nodes. */
export async function joinAsNode(
  calls: Pick<Calls, 'joinNode' | 'beat' | 'leaveNode'>,
  { facts, log, every = EVERY, judgesAfter = JUDGES_AFTER }: NodeOptions,
  took: (node: NodePlace) => void,
): Promise<JoinedNode> {
  const join = async () => {
    const node = await calls.joinNode(facts());
    if (node === null) {
      const advice = 'a node that ended is forgotten after 90 s';
      throw new ReplydError('unavailable', `${NODE_PLACES} nodes work on this store already: ${advice}`);
    }
    took(node);
    return node.place;
  };
  let heard = performance.now();
  let since = heard;
  const beat = async () => {
    const now = performance.now();
    if (now - heard > GAP) since = now;
    const judges = now - since >= judgesAfter;
    const { alive, ended } = await calls.beat({ configuration: facts().configuration, judges });
    heard = performance.now();
    if (ended > 0) log?.warn('leases_ended', { count: ended, reason: 'their node is not alive' });
    if (!alive) log?.warn('node_rejoined', { place: await join() });
  };
  await join();
  let beating: Promise<void> | null = null;
  const timer = setInterval(() => {
    beating ??= beat()
      .catch(error => log?.[isAway(error) ? 'debug' : 'warn']('heartbeat_failed', { error: errorText(error) }))
      .finally(() => {
        beating = null;
      });
  }, every).unref();
  return {
    async close() {
      clearInterval(timer);
      await beating;
      // Else it is dead after a while.
      await calls.leaveNode().catch(() => undefined);
    },
  };
}

const ID = /^[0-9a-f]{32}$/;

/** The id of the node that has this folder: made once, and the same after a restart. */
export function nodeId(dataDir: string): string {
  const file = path.join(dataDir, 'node');
  const known = textIn(file);
  if (known !== null && ID.test(known)) return known;
  const id = randomBytes(16).toString('hex');
  replaceTextFile(file, `${id}\n`);
  return id;
}

function textIn(file: string): string | null {
  try {
    return readTextFile(file).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
