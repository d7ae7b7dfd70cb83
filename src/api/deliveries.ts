/**
 * Routes of deliveries: mails and webhooks on their way out, one at a time, and whether mails may leave at all. That is one
 * for all accounts: who administers some of them sees it, and who administers all of them pauses and resumes it.
 */
import { afterCursor, byId, PAGE_SIZE, route } from './route.js';
import { DeliveryQuery, QueueChange } from './schema.js';

export const DELIVERY_ROUTES = [
  route('GET /v1/deliveries', {
    summary: 'List deliveries, mails and webhooks, the newest first',
    query: DeliveryQuery,
    gives: { list: 'Delivery' },
    async run({ store, page, query: { limit = PAGE_SIZE, cursor, ...filter } }) {
      const rows = await store.deliveries({ ...filter, ...afterCursor(cursor), limit: limit + 1 });
      return page(rows, limit, last => last.id);
    },
  }),
  byId('GET /v1/deliveries/{id}', 'delivery', { gives: 'Delivery', summary: 'Show a delivery' }),
  byId('POST /v1/deliveries/{id}/retry', 'retryDelivery', { gives: 'Delivery', summary: 'Make it due now' }),
  byId('POST /v1/deliveries/{id}/cancel', 'cancelDelivery', { gives: 'Delivery', summary: 'Do not send it' }),
  route('GET /v1/queue', {
    summary: 'Whether mails may leave, of all accounts',
    gives: { one: 'Queue' },
    run: ({ store }) => store.queue(),
  }),
  route('PATCH /v1/queue', {
    summary: 'Pause or resume it; for an operator, or whoever administers every account',
    body: QueueChange,
    gives: { one: 'Queue' },
    run: ({ store, body }) => store.setQueue(body),
  }),
];
