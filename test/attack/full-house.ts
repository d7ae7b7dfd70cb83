/**
 * Strangers who hold every place. A thousand addresses with a few silent connections each take all that SMTP has
 * (`smtp.max_connections`), and the MTA in front, which is trusted, gets 421. What must hold: the trusted client's mail is taken
 * all the same; the customer's mail beside it is the measure.
 */
import { connect, type Socket } from 'node:net';
import { type AttackKind, newTally } from './attack.js';

const PLACES = 200;
const HELD_MS = 5_000;

export const fullHouse: AttackKind = {
  name: 'full-house',
  about: 'strangers from many networks who hold every SMTP place',
  settings: () => ({ 'smtp.max_connections': PLACES }),
  async run(target) {
    const tally = newTally();
    const { port } = target.at('smtp');
    const sockets: Socket[] = [];
    let greeted = 0;
    for (let count = 0; count < PLACES * 2; count += 1) {
      const socket = connect({ host: '127.0.0.1', port, localAddress: target.stranger() });
      socket.on('error', () => {});
      socket.on('data', () => {
        greeted += 1;
      });
      sockets.push(socket);
    }
    await new Promise(resolve => setTimeout(resolve, HELD_MS));
    const words = await target
      .session('smtp')
      .then(async talk => {
        await talk.quit();
        return null;
      })
      .catch(error => String(error).split('\n')[0]!);
    tally.count(`a trusted client finds a place beside ${PLACES} strangers`, words);
    tally.count('the strangers are there', greeted >= PLACES / 2 ? null : `${greeted} were answered`);
    for (const socket of sockets) socket.destroy();
    return tally.result();
  },
};
