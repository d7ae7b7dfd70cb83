/** Something that a button does on the server: what goes wrong is said in the bar, and nothing is thrown. */
import { isFault } from '../api.js';
import { notify } from '../state/told.js';
import { troubleText } from './trouble.js';

/** True: it is done. */
export async function act(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work();
    if (done !== undefined) notify('good', done);
    return true;
  } catch (error) {
    if (!isFault(error)) throw error;
    notify('bad', troubleText(error));
    return false;
  }
}
