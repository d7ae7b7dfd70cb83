/**
 * A rolling upgrade: node by node is ended and started with a newer program, whose migration the first of them applies.
 * Old and new programs work side by side in between. The newer program is a copy of this one with one migration more.
 */
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { programSchema } from '#replyd/store/migrations.js';
import { DaemonProcess } from '../daemon-process.js';
import type { ClusterKind } from './kind.js';

export const upgrade: ClusterKind = {
  name: 'upgrade',
  about: 'rolling upgrades with a migration',
  faults: { short: 1, long: 5 },
  async fault(site, number) {
    const version = programSchema() + number + 1;
    const program = newerProgram(path.join(site.folder, `program-${version}`), number + 1);
    for (const node of site.nodes) {
      await node.daemon.stop();
      node.daemon = new DaemonProcess(node.daemon.folder, { settings: node.settings, program });
      await node.daemon.start();
      const [row] = await site.sql<{ version: string }>('select max(version) as version from migration');
      if (Number(row?.version) !== version) throw new Error(`the store has schema ${row?.version}, not ${version}`);
    }
  },
};

/** A copy of this program with so many migrations more. Gives its `bin/replyd`. */
function newerProgram(folder: string, more: number): string {
  mkdirSync(folder);
  for (const part of ['bin', 'dist', 'migrations']) cpSync(part, path.join(folder, part), { recursive: true });
  for (const part of ['package.json', 'node_modules']) symlinkSync(path.resolve(part), path.join(folder, part));
  const known = programSchema();
  for (let version = known + 1; version <= known + more; version += 1) {
    for (const engine of readdirSync(path.join(folder, 'migrations'))) {
      const name = `${String(version).padStart(4, '0')}_tried.sql`;
      writeFileSync(path.join(folder, 'migrations', engine, name), expanding(version, known));
    }
  }
  return path.join(folder, 'bin', 'replyd');
}

/** It adds to the tables that are read and written all the time, and takes nothing from programs that do not know it. */
function expanding(version: number, oldest: number): string {
  return `-- min_program: ${oldest}
alter table conversation add column tried_${version} bigint not null default 0;
alter table message add column tried_${version} bigint;
alter table delivery add column tried_${version} bigint;
create table tried_${version} (key bigint primary key);
`;
}
