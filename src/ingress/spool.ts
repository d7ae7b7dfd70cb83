/**
 * Keeps a mail's bytes while they arrive: a small mail in memory, a larger one in a file (mode 0600). Bytes are copied,
 * so that many tiny chunks take no more memory than their sum.
 *
 * Promises: never more than `maxSize` bytes are kept; the rest of a larger mail is read and dropped. A mail that is not
 * received whole (client gone, cut off, disk full, too large) leaves no file behind, and `openSpool` removes what a
 * killed process left. Nothing is synced: whoever stores the mail does that. A complete mail's file belongs to the
 * caller.
 *
 * Nothing throws after opening: a full disk, or no room in the budget of space, is `no_space`; any other trouble with the
 * file is `failed`.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { isReplydError } from '../base/errors.js';
import { NO_BUDGET, noRoom, type SpaceBudget } from '../base/space.js';
import type { Content } from '../mail/mail.js';

export interface Spool {
  /** Reads the stream to its end (or its destruction) and says what became of the mail. */
  receive(stream: Readable, limits: ReceiveLimits): Promise<Received>;
}

export interface ReceiveLimits {
  /** Bytes of the largest mail that is kept. */
  readonly maxSize: number;
  /** Bytes at which `cutOff` is called, once. It should destroy the stream. */
  readonly cutOffSize: number;
  readonly cutOff: () => void;
}

export type Received =
  /** `release` gives memory back to the budget; to be called once, when the bytes are no longer used. */
  | { readonly kind: 'complete'; readonly raw: Content; readonly size: number; readonly release: () => void }
  | { readonly kind: 'too_large'; readonly size: number }
  | { readonly kind: 'no_space' | 'failed'; readonly error: unknown }
  /** The stream was destroyed before its end. */
  | { readonly kind: 'gone' };

export interface SpoolOptions {
  readonly folder: string;
  /** File names begin with it; two spools of one folder need different ones. */
  readonly name: string;
  /** Bytes of one mail that stay in memory. */
  readonly memoryLimit: number;
  /** Bytes of all mails in memory; beyond it each mail goes to its file early. */
  readonly memoryBudget: number;
  /** Asked before each write, and for what stays in memory; default: everything fits. */
  readonly space?: SpaceBudget;
  /** Creates a file that must not exist yet; default: mode 0600. */
  readonly createFile?: (path: string) => Promise<FileHandle>;
}

const FIRST_BUFFER = 8 * 1024;
const SMALL_BUFFER = 16 * 1024;
const NOTHING = Buffer.alloc(0);

/** Removes what a killed process left in the folder (only files of this spool's name), which must exist. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const ours = new RegExp(`^${options.name}-[0-9a-f-]{36}\\.eml$`);
  for (const file of await readdir(options.folder)) {
    if (ours.test(file)) await unlink(path.join(options.folder, file)).catch(ignore);
  }
  const shared: Shared = { options, budget: { used: 0 }, space: options.space ?? NO_BUDGET };
  return { receive: (stream, limits) => new IncomingMail(stream, limits, shared).done };
}

/** What the mails of a spool have in common. */
interface Shared {
  readonly options: SpoolOptions;
  /** Bytes in memory. */
  readonly budget: { used: number };
  readonly space: SpaceBudget;
}

/** One mail on its way in. */
class IncomingMail {
  readonly done: Promise<Received>;
  readonly #stream: Readable;
  // Each in a field: one object made of them for each mail costs more than all the rest here.
  readonly #limits: ReceiveLimits;
  readonly #options: SpoolOptions;
  readonly #budget: { used: number };
  readonly #space: SpaceBudget;
  readonly #limit: number;
  #settle: (received: Received) => void = ignore;
  #buffer: Buffer;
  #filled = 0;
  #size = 0;
  #file: { readonly handle: FileHandle; readonly path: string } | null = null;
  /** Set when nothing is kept any more; the stream is still read to its end. */
  #outcome: Received | null = null;
  #removal: Promise<void> = Promise.resolve();
  #writing = false;
  #ended = false;
  #closed = false;

  constructor(stream: Readable, limits: ReceiveLimits, { options, budget, space }: Shared) {
    this.#stream = stream;
    this.#limits = limits;
    this.#options = options;
    this.#budget = budget;
    this.#space = space;
    this.#limit = budget.used >= options.memoryBudget ? SMALL_BUFFER : options.memoryLimit;
    const first = this.#allocate(Math.min(FIRST_BUFFER, this.#limit));
    if (first === null) this.#outcome = { kind: 'no_space', error: noRoom() };
    this.#buffer = first ?? NOTHING;
    this.done = new Promise(resolve => {
      this.#settle = resolve;
    });
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('end', () => {
      this.#ended = true;
      void this.#finish();
    });
    stream.on('error', ignore);
    stream.on('close', () => {
      this.#closed = true;
      if (!this.#ended) void this.#finish();
    });
  }

  #take(chunk: Buffer): void {
    const before = this.#size;
    this.#size += chunk.length;
    if (this.#size > this.#limits.cutOffSize && before <= this.#limits.cutOffSize) this.#limits.cutOff();
    if (this.#outcome !== null) return;
    if (this.#size > this.#limits.maxSize) {
      void this.#abandon({ kind: 'too_large', size: this.#size });
      return;
    }
    if (this.#filled + chunk.length > this.#buffer.length && !this.#grow(chunk.length)) {
      void this.#flush(chunk);
      return;
    }
    this.#filled += chunk.copy(this.#buffer, this.#filled);
  }

  /** False when the mail has to go to its file. */
  #grow(more: number): boolean {
    const needed = this.#filled + more;
    if (needed > this.#limit) return false;
    const larger = this.#allocate(Math.min(this.#limit, Math.max(needed, this.#buffer.length * 2)));
    if (larger === null) {
      // What comes now is read and dropped.
      void this.#abandon({ kind: 'no_space', error: noRoom() });
      return true;
    }
    this.#buffer.copy(larger, 0, 0, this.#filled);
    this.#letGo(this.#buffer.length);
    this.#buffer = larger;
    return true;
  }

  /** What is in memory will have to be stored. Null: there is no room for it. */
  #allocate(length: number): Buffer | null {
    if (!this.#space.hold(length, length <= SMALL_BUFFER ? 'small' : undefined)) return null;
    this.#budget.used += length;
    return Buffer.allocUnsafeSlow(length);
  }

  #letGo(length: number): void {
    this.#budget.used -= length;
    this.#space.release(length);
  }

  /** Writes what is in memory, and the chunk, to the file while the stream waits. */
  async #flush(chunk: Buffer): Promise<void> {
    this.#stream.pause();
    this.#writing = true;
    try {
      this.#file ??= await this.#create();
      if (!this.#space.take(this.#filled + chunk.length)) throw noRoom();
      await writeAll(this.#file.handle, this.#buffer.subarray(0, this.#filled));
      await writeAll(this.#file.handle, chunk);
      this.#filled = 0;
    } catch (error) {
      await this.#abandon({ kind: isFull(error) ? 'no_space' : 'failed', error });
    }
    this.#writing = false;
    if (this.#closed) await this.#finish();
    else this.#stream.resume();
  }

  async #create(): Promise<{ handle: FileHandle; path: string }> {
    const file = path.join(this.#options.folder, `${this.#options.name}-${randomUUID()}.eml`);
    return { handle: await (this.#options.createFile ?? createFile)(file), path: file };
  }

  /** Keeps nothing from now on. */
  async #abandon(outcome: Received): Promise<void> {
    this.#outcome = outcome;
    this.#releaseMemory();
    await this.#removeFile();
  }

  async #finish(): Promise<void> {
    if (this.#writing) return;
    if (this.#outcome !== null || !this.#ended) {
      const outcome: Received = this.#ended && this.#outcome !== null ? this.#outcome : { kind: 'gone' };
      await this.#abandon(outcome);
      this.#settle(outcome);
      return;
    }
    this.#settle(this.#file === null ? this.#inMemory() : await this.#inFile(this.#file));
  }

  #inMemory(): Received {
    const bytes = this.#buffer.subarray(0, this.#filled);
    return { kind: 'complete', raw: { bytes }, size: this.#size, release: () => this.#releaseMemory() };
  }

  async #inFile(file: { readonly handle: FileHandle; readonly path: string }): Promise<Received> {
    try {
      if (!this.#space.take(this.#filled)) throw noRoom();
      await writeAll(file.handle, this.#buffer.subarray(0, this.#filled));
      await file.handle.close();
    } catch (error) {
      const outcome: Received = { kind: isFull(error) ? 'no_space' : 'failed', error };
      await this.#abandon(outcome);
      return outcome;
    }
    this.#releaseMemory();
    return { kind: 'complete', raw: { file: file.path }, size: this.#size, release: ignore };
  }

  #releaseMemory(): void {
    this.#letGo(this.#buffer.length);
    this.#buffer = NOTHING;
    this.#filled = 0;
  }

  /** Whoever waits for it waits until the file is really gone. */
  #removeFile(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    if (file !== null) {
      this.#removal = file.handle
        .close()
        .catch(ignore)
        .then(() => unlink(file.path).catch(ignore));
    }
    return this.#removal;
  }
}

function createFile(file: string): Promise<FileHandle> {
  return open(file, 'wx', 0o600);
}

async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    written += (await handle.write(bytes, written, bytes.length - written, null)).bytesWritten;
  }
}

function isFull(error: unknown): boolean {
  if (isReplydError(error, 'disk_full')) return true;
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

function ignore(): void {}
