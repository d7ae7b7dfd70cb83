/** Routes of contacts. A contact is made with his first conversation; here he is found, changed, cleared and removed. */
import { sendExport } from './download.js';
import { afterCursor, byId, PAGE_SIZE, route } from './route.js';
import { ContactChange, ContactQuery } from './schema.js';

export const CONTACT_ROUTES = [
  route('GET /v1/contacts', {
    summary: 'List contacts, the newest first',
    query: ContactQuery,
    gives: { list: 'Contact' },
    async run({ store, page, query: { limit = PAGE_SIZE, cursor, ...filter } }) {
      const rows = await store.contacts({ ...filter, ...afterCursor(cursor), limit: limit + 1 });
      return page(rows, limit, last => last.id);
    },
  }),
  byId('GET /v1/contacts/{id}', 'contact', { gives: 'Contact', summary: 'Show a contact' }),
  route('PATCH /v1/contacts/{id}', {
    summary: 'Change address, name or source_id; the address of another contact is a 409 with contact_id',
    body: ContactChange,
    gives: { one: 'Contact' },
    run: ({ store, params, body }) => store.setContact(params.id!, body),
  }),
  route('GET /v1/contacts/{id}/export', {
    summary: 'All that is his: what he wrote and what went to him, with attachments and raw mails, as a tar file',
    gives: { media: 'application/x-tar' },
    run: sendExport,
  }),
  route('DELETE /v1/contacts/{id}', {
    summary: 'Remove a contact for good, with all his conversations',
    gives: null,
    run: ({ store, params }) => store.removeContact(params.id!),
  }),
  byId('POST /v1/contacts/{id}/clear', 'clearContact', {
    gives: 'Contact',
    summary: 'End the suspension of mailing to him',
  }),
];
