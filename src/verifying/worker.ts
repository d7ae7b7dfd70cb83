/** The thread that verifies: mailauth, its hashes and its questions to the DNS. Each job is answered, whatever happens. */

import { Readable } from 'node:stream';
import { parentPort, workerData } from 'node:worker_threads';
import { authenticate, type DNSResolver } from 'mailauth';
import { errorText } from '../base/errors.js';
import { readFileStream } from '../base/text-file.js';
import type { Unverified } from '../conversation/ports.js';
import type { Authentication } from '../mail/authentication.js';
import { withBoundedHeader } from './bounded-header.js';
import { createResolver } from './resolver.js';
import { unanswered, verdictsOf } from './verdicts.js';

export interface VerifyJob {
  readonly id: number;
  readonly mail: Unverified;
}

export interface VerifyResult {
  readonly id: number;
  readonly verdicts: Authentication;
}

const { servers } = workerData as { readonly servers: readonly string[] };
const resolver = createResolver(servers, () => performance.now()) as DNSResolver;

parentPort!.on('message', async ({ id, mail }: VerifyJob) => {
  parentPort!.postMessage({ id, verdicts: await verify(mail) } satisfies VerifyResult);
});

async function verify({ raw, mailFrom, client }: Unverified): Promise<Authentication> {
  const asked = { spf: client !== null };
  try {
    const bytes = 'bytes' in raw ? Readable.from([Buffer.from(raw.bytes)]) : readFileStream(raw.file);
    const input = await withBoundedHeader(bytes);
    if (input === null) return unanswered('its header is too large', asked);
    const found = await authenticate(input, {
      sender: mailFrom,
      ...(client === null ? {} : { ip: client }),
      mta: 'replyd',
      resolver,
      rejectRsaSha1: true,
      disableArc: true,
      disableBimi: true,
    });
    return verdictsOf(found, asked);
  } catch (error) {
    return unanswered(errorText(error), asked);
  }
}
