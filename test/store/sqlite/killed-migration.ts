/** Migrates a store and is killed before the last migration commits: `killed-migration <data folder>`. */
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { migrate } from '#replyd/store/sqlite/migrate.js';

const db = openDatabase(process.argv[2]!);
const exec = db.raw.exec.bind(db.raw);
db.raw.exec = text => {
  const done = exec(text);
  if (text.includes('create table sequencer')) process.kill(process.pid, 'SIGKILL');
  return done;
};
migrate(db);
