/** A process that writes to the store of the folder it is given until its standard input ends. */
import { openDatabase } from '#replyd/store/sqlite/database.js';

const db = openDatabase(process.argv[2]!);
db.run('begin immediate');
process.stdout.write('held\n');
process.stdin.resume();
process.stdin.once('end', () => {
  db.run('rollback');
  db.close();
});
