/**
 * Pictures of a mail's HTML: those that stand in it as `data:` addresses, and the spellings by which it names those that
 * came as parts (RFC 2392, RFC 2557). Nothing throws.
 */
import type { Replacement } from '../cut.js';
import { walkAttributes } from './attributes.js';

const MAX_PICTURES = 100;

export interface DataPicture {
  /** The attribute that holds it. */
  readonly from: number;
  readonly to: number;
  readonly contentType: string;
  /** '' without one. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** The pictures in `src` attributes that are addresses of `data:` (RFC 2397), at most 100. */
export function dataPictures(html: string): readonly DataPicture[] {
  const found: DataPicture[] = [];
  if (!/data:/i.test(html)) return found;
  walkAttributes(html, {
    attribute({ tag, name, value, from, to }) {
      if (name !== 'src' || tag === 'script' || found.length === MAX_PICTURES) return;
      const data = dataOf(value);
      if (data !== null) found.push({ from, to, ...data });
    },
  });
  return found;
}

/** The picture with this name in the place of its data. */
export function namedPicture({ from, to }: DataPicture, contentId: string): Replacement {
  return { from, to, text: `src="cid:${contentId}"` };
}

function dataOf(address: string): Omit<DataPicture, 'from' | 'to'> | null {
  const start = /^\s{0,20}data:\s{0,20}(image\/[a-z0-9.+*-]{1,40})((?:\s{0,9};[^,;]{0,100}){0,8}),/i.exec(address);
  if (start === null) return null;
  const [head, type, params = ''] = start;
  const data = address.slice(head.length);
  const isBase64 = /;\s{0,9}base64\s{0,9}$/i.test(params);
  const text = data.includes('%') ? percentDecoded(data) : data;
  const bytes = isBase64 ? Buffer.from(text, 'base64') : Buffer.from(text);
  if (bytes.length === 0) return null;
  const name = /;\s{0,9}(?:file)?name=([^;,]{1,100})/i.exec(params)?.[1] ?? '';
  const contentType = type!.toLowerCase().replace('image/*', 'image/png').replace('image/jpg', 'image/jpeg');
  return { contentType, name: percentDecoded(name), bytes };
}

/** What HTML may call a file. */
export interface NamedFile {
  readonly filename: string;
  readonly contentId: string | null;
  readonly location?: string;
}

export interface Pictures<File> {
  /** By what stands behind `cid:`. */
  byId(id: string): File | null;
  /** By an address that is no `cid:`. */
  byLocation(address: string): File | null;
}

/**
 * The files by their names as programs spell them: with spaces, brackets, percent signs, in any case; by the part in front
 * of the @ or the name of the file where an id has no more; by the end of an address. The exact id comes first.
 */
export function picturesOf<File extends NamedFile>(files: readonly File[]): Pictures<File> {
  const ids = new Map<string, File>();
  const locations = new Map<string, File>();
  const add = (map: Map<string, File>, key: string, file: File) => {
    if (key !== '' && !map.has(key)) map.set(key, file);
  };
  for (const file of files) if (file.contentId !== null) add(ids, file.contentId, file);
  for (const file of files) if (file.contentId !== null) add(ids, idKey(file.contentId), file);
  for (const file of files) {
    if (file.contentId === null) continue;
    add(ids, idKey(file.contentId.split('@')[0]!), file);
    add(ids, idKey(file.filename), file);
  }
  for (const file of files) {
    if (file.location === undefined) continue;
    add(locations, locationKey(file.location), file);
    add(locations, lastName(file.location), file);
  }
  return {
    byId: id => ids.get(id) ?? ids.get(idKey(id)) ?? null,
    byLocation: address => {
      if (locations.size === 0) return null;
      const file = locations.get(locationKey(address)) ?? locations.get(lastName(address)) ?? null;
      return file !== null && isSamePlace(file.location!, address) ? file : null;
    },
  };
}

/** The files that the HTML names, shown or not. */
export function namedFiles<File extends NamedFile>(html: string | null, files: readonly File[]): ReadonlySet<File> {
  const named = new Set<File>();
  if (html === null || files.length === 0) return named;
  const pictures = picturesOf(files);
  for (const match of html.matchAll(CID)) {
    const file = pictures.byId((match[1] ?? match[2] ?? match[3])!.replaceAll('&amp;', '&'));
    if (file !== null) named.add(file);
  }
  if (!files.some(file => file.location !== undefined)) return named;
  walkAttributes(html, {
    attribute({ name, value }) {
      const file = name === 'src' || name === 'background' ? pictures.byLocation(value.trim()) : null;
      if (file !== null) named.add(file);
    },
  });
  return named;
}

/** In quotes an id may hold spaces and brackets. */
const CID = /"\s{0,9}cid:([^"]{1,998})"|'\s{0,9}cid:([^']{1,998})'|\bcid:([^"'\s<>)]{1,998})/gi;

function idKey(id: string): string {
  return percentDecoded(id)
    .replaceAll(/[\s<>]+|^\/\//g, '')
    .toLowerCase();
}

function locationKey(location: string): string {
  return percentDecoded(location)
    .replaceAll(/\s+/g, '')
    .replace(/^(?:thismessage:)?(?:\.{0,2}\/)*/i, '');
}

function lastName(location: string): string {
  const key = locationKey(location);
  return key.slice(key.lastIndexOf('/') + 1);
}

/** One of them is relative, and the end of the other; or both are the same. */
function isSamePlace(location: string, address: string): boolean {
  const [a, b] = [locationKey(location), locationKey(address)];
  return a === b || (!isAbsolute(a) && b.endsWith(`/${a}`)) || (!isAbsolute(b) && a.endsWith(`/${b}`));
}

function isAbsolute(location: string): boolean {
  return /^[a-z][a-z0-9+.-]{0,20}:/i.test(location);
}

function percentDecoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
