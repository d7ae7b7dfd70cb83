/** One HTTP request of an attack, on a connection of its own, with exactly the path that it is given. Never throws. */
import http from 'node:http';

export interface HttpAnswer {
  /** 0: no answer, `text` says why. */
  readonly status: number;
  /** As they came, one a line. */
  readonly head: string;
  readonly text: string;
  /** Milliseconds to the end of the answer. */
  readonly took: number;
}

export interface HttpQuestion {
  readonly method?: string;
  readonly place: string;
  /** A bearer key. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** Milliseconds; what came until then is the answer. Default 30 s. */
  readonly within?: number;
  readonly from?: string;
}

/** `url`: `http://host:port`. */
export function ask(url: string, question: HttpQuestion): Promise<HttpAnswer> {
  const { method = 'GET', place, key, headers = {}, body, within = 30_000, from } = question;
  const { hostname, port } = new URL(url);
  const began = performance.now();
  return new Promise(resolve => {
    const chunks: Buffer[] = [];
    let status = 0;
    let head = '';
    const done = (why: string) => {
      clearTimeout(timer);
      const text = status === 0 ? why : Buffer.concat(chunks).toString('utf8');
      resolve({ status, head, text, took: Math.round(performance.now() - began) });
    };
    const request = http.request(
      {
        hostname,
        port,
        path: place,
        method,
        agent: false,
        ...(from === undefined ? {} : { localAddress: from }),
        headers: {
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
          ...headers,
        },
      },
      response => {
        status = response.statusCode ?? 0;
        for (let at = 0; at < response.rawHeaders.length; at += 2)
          head += `${response.rawHeaders[at]}: ${response.rawHeaders[at + 1]}\n`;
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => done(''));
        response.on('error', error => done(error.message));
      },
    );
    const timer = setTimeout(() => {
      done(`no answer within ${within} ms`);
      request.destroy();
    }, within);
    request.on('error', error => done(error.message));
    request.end(body);
  });
}

export function postJson(
  url: string,
  key: string,
  {
    place,
    body,
    method = 'POST',
    headers = {},
  }: { place: string; body: unknown; method?: string; headers?: Record<string, string> },
): Promise<HttpAnswer> {
  const typed = { 'content-type': 'application/json', ...headers };
  return ask(url, { method, place, key, headers: typed, body: JSON.stringify(body) });
}
