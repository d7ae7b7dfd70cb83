/** Conversations of another system: taken over with the tokens that stand in its mails. */

import { isReplydError } from '../../base/errors.js';
import type { ImportedConversation, ImportResult } from '../../conversation/store.js';
import { importedToken } from '../../conversation/token.js';
import type { AccountRow } from '../rows.js';
import type { Session } from '../session.js';
import { accountBySlug, checkedAddress } from './accounts.js';
import { openConversation } from './conversations.js';
import { addParticipant, contactFor } from './participants.js';

export interface ImportOperations {
  importConversations(conversations: readonly ImportedConversation[]): readonly ImportResult[];
}

export function importOperations(session: Session): ImportOperations {
  return {
    importConversations: conversations =>
      conversations.map(each => {
        let account: AccountRow;
        let token: string;
        try {
          // All that can be wrong, before anything is written.
          account = accountBySlug(session, each.account);
          ({ token } = importedToken(each.token));
          if (each.contact.email) checkedAddress(each.contact.email);
        } catch (error) {
          if (isReplydError(error)) return { refused: error.message };
          throw error;
        }
        return importOne(session, each, { accountKey: account.key, token });
      }),
  };
}

function importOne(
  session: Session,
  imported: ImportedConversation,
  { accountKey, token }: { accountKey: number; token: string },
): ImportResult {
  const owner = session.db.value<number>(
    'select c.account_key from token t join conversation c on c.key = t.conversation_key where t.token = ?',
    token,
  );
  if (owner === accountKey) return 'known';
  if (owner !== undefined) return { refused: 'this conversation was imported into another account' };
  const contact = contactFor(session, accountKey, imported.contact);
  const row = openConversation(session, accountKey, contact.key, imported);
  addParticipant(session, row.key, {
    contactKey: contact.key,
    email: contact.email,
    name: contact.name,
    role: 'contact',
    token: imported.token,
  });
  if (imported.status !== 'open') {
    session.db.run('update conversation set status = ? where key = ?', imported.status, row.key);
  }
  return 'made';
}
