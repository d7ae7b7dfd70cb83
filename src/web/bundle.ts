/**
 * The built page as it lies in dist/web (`page/bundle.js` writes it): the one HTML that stands for every address of the
 * page, and the files that it names. All of it is read once and kept in memory. Nothing is given out that the manifest
 * does not name. A bundle that is missing or broken throws unavailable: the page was not built.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { errorText, ReplydError } from '../base/errors.js';

export interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
  /** The same, compressed when it was built. */
  readonly gzip: Buffer;
}

export interface Bundle {
  readonly page: Buffer;
  /** By their path, such as `/assets/main-ABCD1234.js`. */
  readonly assets: ReadonlyMap<string, Asset>;
}

interface Manifest {
  readonly page: string;
  readonly assets: Readonly<Record<string, { readonly type: string; readonly size: number; readonly gzip: number }>>;
}

export function readBundle(folder: string): Bundle {
  const read = (name: string, size: number) => {
    const bytes = readFileSync(path.join(folder, name));
    if (bytes.length !== size) throw new Error(`${name} has another size than its manifest says`);
    return bytes;
  };
  try {
    const manifest = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as Manifest;
    const assets = Object.entries(manifest.assets).map(([name, { type, ...sizes }]): [string, Asset] => {
      const bytes = read(name, sizes.size);
      return [name, { type, bytes, gzip: read(`${name}.gz`, sizes.gzip) }];
    });
    return { page: readFileSync(path.join(folder, manifest.page)), assets: new Map(assets) };
  } catch (error) {
    throw new ReplydError('unavailable', `web.listen: the page was not built: ${errorText(error)}`, { cause: error });
  }
}
