/**
 * What a kind of fault is. It stands in the list of `kinds.ts`. The frame (`main.ts`) opens a site for it, has the load run,
 * calls `fault` again and again at random moments, and holds the books against what is there in the end.
 */
import type { Site, SiteOptions } from './site.js';

export interface Extent {
  /** How often the fault comes. */
  readonly faults: number;
  /** Acknowledged mails, at least. */
  readonly mails: number;
  /** The form for CI. */
  readonly short: boolean;
}

export interface ClusterKind {
  /** For `--kind`. */
  readonly name: string;
  readonly about: string;
  readonly site?: SiteOptions;
  /** How often its fault comes in the short and in the long form. */
  readonly faults: { readonly short: number; readonly long: number };
  /** What a standby lacked may be lost: it is counted, and nothing fails for it. */
  readonly mayLose?: true;
  /** Before the load. */
  prepare?(site: Site): Promise<void>;
  /** One fault, from its begin to when what the test did is over. */
  fault(site: Site, number: number, extent: Extent): Promise<void>;
}
