/**
 * `node packaging/deb/units.js PROGRAM-FOLDER FOLDER`: writes the units of the Debian package into FOLDER. They are those of
 * `replyd systemd --sockets` for the configuration that the package begins with.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';

const [tree, target] = process.argv.slice(2).map(each => path.resolve(each));
const { loadConfig } = await import(path.join(tree, 'dist/config/load.js'));
const { units } = await import(path.join(tree, 'dist/cli/verbs/systemd.js'));
const { config } = loadConfig({ env: { REPLYD_DATA_DIR: '/var/lib/replyd' }, cwd: '/', readFile: () => null });
const made = units(config, {
  user: 'replyd',
  node: '/usr/lib/replyd/node',
  program: '/usr/lib/replyd/bin/replyd',
  file: '/etc/replyd/config.toml',
  sockets: true,
});
for (const { name, text } of made) writeFileSync(path.join(target, name), text);
