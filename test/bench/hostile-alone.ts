/** One hostile mail in a process of its own, as a child of the parser reads it; prints what that took from the start. */
import { HOSTILE_MAILS } from '../hostile/mails.js';
import { readHostile } from '../hostile/read.js';

const [name, size] = process.argv.slice(2);
const mail = HOSTILE_MAILS.find(each => each.name === name)!;
const bytes = mail.bytes(Number(size));
const before = process.cpuUsage();
await readHostile(mail, bytes);
const { user, system } = process.cpuUsage(before);
process.stdout.write(`${(user + system) / 1e6}\n`);
