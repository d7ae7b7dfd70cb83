/** Every kind of attack, in the order in which they run. */
import { accounts } from './accounts.js';
import { agentMail } from './agent-mail.js';
import type { AttackKind } from './attack.js';
import { dataDir } from './data-dir.js';
import { disk } from './disk.js';
import { floods } from './floods.js';
import { forms } from './forms.js';
import { fullHouse } from './full-house.js';
import { guesses } from './guesses.js';
import { html } from './html.js';
import { htmlBox } from './html-box.js';
import { httpSlow } from './http-slow.js';
import { json } from './json.js';
import { mime } from './mime.js';
import { relayTricks } from './relay.js';
import { replay } from './replay.js';
import { shares } from './shares.js';
import { slow } from './slow.js';
import { smuggling } from './smuggling.js';
import { ssrf } from './ssrf.js';
import { starttls } from './starttls.js';
import { xclient } from './xclient.js';

export const KINDS: readonly AttackKind[] = [
  smuggling,
  relayTricks,
  starttls,
  xclient,
  accounts,
  ssrf,
  html,
  htmlBox,
  mime,
  forms,
  floods,
  replay,
  guesses,
  json,
  disk,
  slow,
  fullHouse,
  httpSlow,
  dataDir,
  shares,
  agentMail,
];
