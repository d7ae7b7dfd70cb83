/**
 * The last request of each provider that could not be taken for a reason that an operator must fix (a wrong secret, a
 * switch at the provider). `replyd doctor` shows it, because some providers tell nobody; the next mail that is taken
 * removes it. All is kept in one small file, written at most once a second, whoever posts and how often.
 *
 * A file that can't be written is a line in the log; one that can't be read counts as empty.
 */
import path from 'node:path';
import { errorText } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { readTextFile, replaceTextFile } from '../../base/text-file.js';
import type { Clock } from '../../conversation/ports.js';
import type { Provider } from './provider.js';

export interface DoorFault {
  /** ISO 8601. */
  readonly at: string;
  readonly detail: string;
}

export type DoorFaults = Readonly<Partial<Record<Provider['name'], DoorFault>>>;

const INTERVAL = 1_000;

export function openDoorFaults({ dataDir, now, log }: { dataDir: string; now: Clock; log: Log }) {
  const faults: Partial<Record<Provider['name'], DoorFault>> = readDoorFaults(dataDir);
  let timer: NodeJS.Timeout | null = null;
  const write = () => {
    timer = null;
    try {
      replaceTextFile(faultsFile(dataDir), `${JSON.stringify(faults)}\n`);
    } catch (error) {
      log.warn('failed', { door: 'http', error: errorText(error) });
    }
  };
  return {
    /** `detail` null: a mail was taken, so whatever was wrong is fixed. */
    note(provider: Provider['name'], detail: string | null): void {
      if (detail === null && faults[provider] === undefined) return;
      if (detail === null) delete faults[provider];
      else faults[provider] = { at: new Date(now()).toISOString(), detail };
      timer ??= setTimeout(write, INTERVAL).unref();
    },
    close(): void {
      if (timer === null) return;
      clearTimeout(timer);
      write();
    },
  };
}

/** What the daemon wrote; empty when there is nothing. */
export function readDoorFaults(dataDir: string): DoorFaults {
  try {
    return JSON.parse(readTextFile(faultsFile(dataDir))) as DoorFaults;
  } catch {
    return {};
  }
}

function faultsFile(dataDir: string): string {
  return path.join(dataDir, 'door-faults.json');
}
