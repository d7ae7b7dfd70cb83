/** Routes of contacts. A contact is made with his first conversation; here he is found, changed and cleared. */
import { PAGE_SIZE, pageOf, route } from './route.js';
import { ContactChange, ContactQuery } from './schema.js';

export const CONTACT_ROUTES = [
  route({
    method: 'GET',
    path: '/v1/contacts',
    summary: 'List contacts, the newest first',
    query: ContactQuery,
    gives: { list: 'Contact' },
    status: 200,
    async run(call) {
      const { account, limit = PAGE_SIZE, cursor, email } = call.query;
      const rows = await call.store.contacts({
        ...(account === undefined ? {} : { account }),
        ...(email === undefined ? {} : { email }),
        ...(cursor === undefined ? {} : { before: cursor }),
        limit: limit + 1,
      });
      return pageOf(rows, limit, last => last.id);
    },
  }),
  route({
    method: 'GET',
    path: '/v1/contacts/{id}',
    summary: 'Show a contact',
    gives: { one: 'Contact' },
    status: 200,
    run: async call => call.store.contact(call.params.id!),
  }),
  route({
    method: 'PATCH',
    path: '/v1/contacts/{id}',
    summary: 'Change address, name or source_id; the address of another contact is a 409 with contact_id',
    body: ContactChange,
    gives: { one: 'Contact' },
    status: 200,
    run: async call => call.store.setContact(call.params.id!, call.body),
  }),
  route({
    method: 'POST',
    path: '/v1/contacts/{id}/clear',
    summary: 'End the suspension of mailing to him',
    gives: { one: 'Contact' },
    status: 200,
    run: async call => call.once('clearContact', call.params.id!),
  }),
];
