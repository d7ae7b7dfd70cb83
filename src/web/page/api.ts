/**
 * Requests to the server that gave out this page. A good answer is its JSON; everything else throws a Fault, which says
 * whether the server could be reached at all. Whoever is signed in is known by a cookie that no script can read.
 */
export type FaultKind = 'offline' | 'signed_out' | 'refused' | 'trouble';

/** What the server answers when it does not do what it was asked (RFC 9457). */
export interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly after_seq?: number;
  readonly messages?: readonly { readonly id: string; readonly seq: number; readonly direction: string }[];
}

export class Fault extends Error {
  readonly kind: FaultKind;
  readonly status: number;
  readonly problem: Problem;
  /** Seconds to wait; 0: not said. */
  readonly retryAfter: number;

  constructor(status: number, problem: Problem, retryAfter = 0) {
    super(problem.detail);
    this.kind = status === 0 ? 'offline' : status === 401 ? 'signed_out' : status >= 500 ? 'trouble' : 'refused';
    this.status = status;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

export interface Page<Row> {
  readonly data: readonly Row[];
  readonly next_cursor: string | null;
}

type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Asking {
  readonly query?: Query;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** Of one attempt: however often it is sent, it is done once. */
  readonly idempotencyKey?: string;
  /** Called with the part of the body that is on its way, 0 to 1. */
  readonly onProgress?: (part: number) => void;
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

let onSignedOut: () => void = () => {};

/** What is done when an answer says that nobody is signed in any more. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

export function addressOf(path: string, query: Query = {}): string {
  const words = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return words.length === 0 ? path : `${path}?${words.join('&')}`;
}

export async function ask<Answer>(method: Method, path: string, asking: Asking = {}): Promise<Answer> {
  const { status, text, retryAfter } = await (asking.onProgress === undefined ? byFetch : byUpload)(
    method,
    addressOf(path, asking.query),
    asking,
  );
  if (status >= 200 && status < 300) return (text === '' ? null : JSON.parse(text)) as Answer;
  const fault = new Fault(status, problemIn(status, text), retryAfter);
  if (fault.kind === 'signed_out') onSignedOut();
  throw fault;
}

export function isFault(error: unknown, code?: string): error is Fault {
  return error instanceof Fault && (code === undefined || error.problem.code === code);
}

export const OFFLINE: Problem = { code: 'offline', detail: '' };

function problemIn(status: number, text: string): Problem {
  try {
    const { code, detail } = JSON.parse(text) as Problem;
    if (typeof code === 'string' && typeof detail === 'string') return JSON.parse(text) as Problem;
  } catch {}
  return { code: `http_${status}`, detail: `HTTP ${status}` };
}

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: number;
}

function headersOf({ body, idempotencyKey }: Asking): Record<string, string> {
  return {
    accept: 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
  };
}

async function byFetch(method: Method, address: string, asking: Asking): Promise<Answered> {
  const { body, signal } = asking;
  try {
    const response = await fetch(address, {
      method,
      headers: headersOf(asking),
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    const retryAfter = Number(response.headers.get('retry-after')) || 0;
    return { status: response.status, text: await response.text(), retryAfter };
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Fault(0, OFFLINE);
  }
}

/** `fetch` does not say how far a body has come. */
function byUpload(method: Method, address: string, asking: Asking): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    for (const [name, value] of Object.entries(headersOf(asking))) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => asking.onProgress?.(total > 0 ? loaded / total : 0);
    request.onload = () => {
      const retryAfter = Number(request.getResponseHeader('retry-after')) || 0;
      resolve({ status: request.status, text: request.responseText, retryAfter });
    };
    request.onerror = () => reject(new Fault(0, OFFLINE));
    request.send(JSON.stringify(asking.body));
  });
}
