/** The keys that sign our mails. A private key leaves the store with a mail on its way (`mailParcels` in deliveries.ts), and never else. */
import { ReplydError } from '../../base/errors.js';
import type { DkimKey } from '../../conversation/model.js';
import { toIso, type Verb } from '../tx.js';

interface DkimRow {
  readonly domain: string;
  readonly selector: string;
  readonly state: DkimKey['state'];
  readonly public_key: string;
  readonly created_at: number;
}

const COLUMNS = 'domain, selector, state, public_key, created_at';

export const dkimKeys: Verb<'dkimKeys'> = async (tx, domain) => {
  const where = domain === undefined ? 'domain is not null' : 'domain = $1';
  const rows = await tx.all<DkimRow>(
    `select ${COLUMNS} from dkim_key where ${where} order by domain, created_at, selector`,
    ...(domain === undefined ? [] : [domain]),
  );
  return rows.map(viewOf);
};

export const addDkimKey: Verb<'addDkimKey'> = async (tx, { domain, selector, privateKey, publicKey }) => {
  const others = await dkimKeys(tx, domain);
  if (others.some(each => each.selector === selector))
    throw new ReplydError('conflict', `${domain} has a key with the selector ${selector} already`);
  const state: DkimKey['state'] = others.some(each => each.state === 'signs') ? 'waiting' : 'signs';
  const row = { domain, selector, state, public_key: publicKey, created_at: tx.now() };
  await tx.insert('dkim_key', { ...row, private_key: privateKey });
  return viewOf(row);
};

export const useDkimKey: Verb<'useDkimKey'> = async (tx, domain, selector) => {
  const key = (await dkimKeys(tx, domain)).find(each => each.selector === selector);
  if (key === undefined) throw noKey(domain, selector);
  await tx.run("update dkim_key set state = 'retired' where domain = $1 and state = 'signs'", domain);
  await tx.run("update dkim_key set state = 'signs' where domain = $1 and selector = $2", domain, selector);
  return { ...key, state: 'signs' };
};

export const removeDkimKey: Verb<'removeDkimKey'> = async (tx, domain, selector) => {
  const key = (await dkimKeys(tx, domain)).find(each => each.selector === selector);
  if (key === undefined) throw noKey(domain, selector);
  await tx.run('delete from dkim_key where domain = $1 and selector = $2', domain, selector);
  return key;
};

function noKey(domain: string, selector: string): ReplydError {
  return new ReplydError('not_found', `${domain} has no key with the selector ${selector}: see \`replyd dkim list\``);
}

function viewOf(row: DkimRow): DkimKey {
  return {
    domain: row.domain,
    selector: row.selector,
    state: row.state,
    record: {
      name: `${row.selector}._domainkey.${row.domain}`,
      value: `v=DKIM1; k=rsa; p=${row.public_key}`,
    },
    created_at: toIso(row.created_at),
  };
}
