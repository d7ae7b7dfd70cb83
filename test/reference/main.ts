/** `npm run docs`: writes the reference pages of `docs/`, and `config.example.toml`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { referencePages } from './pages.js';

for (const [file, text] of await referencePages()) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}
