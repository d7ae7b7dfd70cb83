/** Routes of contacts, deliveries and hooks. */
import type { Hook } from '../conversation/model.js';
import { accountFilter, accountFor, own, PAGE_SIZE, pageOf, type Route, route } from './route.js';
import { AccountQuery, ContactChange, ContactQuery, DeliveryQuery, NewHookBody } from './schema.js';

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
        ...accountFilter(call.caller, account),
        ...(email === undefined ? {} : { email }),
        ...(cursor === undefined ? {} : { before: await own(call, cursor) }),
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
    run: async call => call.store.contact(await own(call, call.params.id!)),
  }),
  route({
    method: 'PATCH',
    path: '/v1/contacts/{id}',
    summary: 'Change address, name or source_id; the address of another contact is a 409 with contact_id',
    body: ContactChange,
    gives: { one: 'Contact' },
    status: 200,
    run: async call => call.store.setContact(await own(call, call.params.id!), call.body),
  }),
  route({
    method: 'POST',
    path: '/v1/contacts/{id}/clear',
    summary: 'End the suspension of mailing to him',
    gives: { one: 'Contact' },
    status: 200,
    run: async call => call.once('clearContact', await own(call, call.params.id!)),
  }),
];

export const DELIVERY_ROUTES = [
  route({
    method: 'GET',
    path: '/v1/deliveries',
    summary: 'List deliveries, mails and webhooks, the newest first',
    query: DeliveryQuery,
    gives: { list: 'Delivery' },
    status: 200,
    async run(call) {
      const { account, limit = PAGE_SIZE, cursor, state, conversation } = call.query;
      const rows = await call.store.deliveries({
        ...accountFilter(call.caller, account),
        ...(state === undefined ? {} : { state }),
        ...(conversation === undefined ? {} : { conversation: await own(call, conversation) }),
        ...(cursor === undefined ? {} : { before: await own(call, cursor) }),
        limit: limit + 1,
      });
      return pageOf(rows, limit, last => last.id);
    },
  }),
  route({
    method: 'GET',
    path: '/v1/deliveries/{id}',
    summary: 'Show a delivery',
    gives: { one: 'Delivery' },
    status: 200,
    run: async call => call.store.delivery(await own(call, call.params.id!)),
  }),
  route({
    method: 'POST',
    path: '/v1/deliveries/{id}/retry',
    summary: 'Make it due now',
    gives: { one: 'Delivery' },
    status: 200,
    run: async call => (await call.once('retryDeliveries', { id: await own(call, call.params.id!) }))[0],
  }),
  route({
    method: 'POST',
    path: '/v1/deliveries/{id}/cancel',
    summary: 'Do not send it',
    gives: { one: 'Delivery' },
    status: 200,
    run: async call => call.once('cancelDelivery', await own(call, call.params.id!)),
  }),
];

/** Posts a test event to a hook now and says what came of it. */
export type TestHook = (id: string) => Promise<{ ok: boolean; response: string }>;

export function hookRoutes(testHook: TestHook): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/hooks',
      summary: 'Add a hook; the answer has its signing secret, once',
      body: NewHookBody,
      gives: { one: 'Hook' },
      status: 201,
      async run(call) {
        const account = accountFor(call.caller, call.body.account);
        return withSecret(await call.once('addHook', { account, url: call.body.url }));
      },
    }),
    route({
      method: 'GET',
      path: '/v1/hooks',
      summary: 'List hooks',
      query: AccountQuery,
      gives: { list: 'Hook' },
      status: 200,
      run: async call => ({
        data: await call.store.hooks(accountFilter(call.caller, call.query.account)),
        next_cursor: null,
      }),
    }),
    route({
      method: 'GET',
      path: '/v1/hooks/{id}',
      summary: 'Show a hook',
      gives: { one: 'Hook' },
      status: 200,
      run: async call => call.store.hook(await own(call, call.params.id!)),
    }),
    route({
      method: 'POST',
      path: '/v1/hooks/{id}/rotate',
      summary: 'A new signing secret; the old one signs beside it for a day',
      gives: { one: 'Hook' },
      status: 200,
      run: async call => withSecret(await call.once('rotateHook', await own(call, call.params.id!))),
    }),
    route({
      method: 'POST',
      path: '/v1/hooks/{id}/test',
      summary: 'Post a test event now; when it is taken, a hook that is off is on again',
      gives: { one: 'HookTest' },
      status: 200,
      async run(call) {
        const id = await own(call, call.params.id!);
        const result = await testHook(id);
        return { ...result, hook: await call.store.hook(id) };
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/hooks/{id}',
      summary: 'Remove a hook with what waits for it',
      gives: null,
      status: 204,
      async run(call) {
        await call.store.removeHook(await own(call, call.params.id!));
        return null;
      },
    }),
  ];
}

function withSecret(made: { hook: Hook; secret: string }): Hook & { secret: string } {
  return { ...made.hook, secret: made.secret };
}
