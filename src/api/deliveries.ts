/** Routes of deliveries: mails and webhooks on their way out, one at a time. The queue as a whole is the operator's. */
import { afterCursor, byId, PAGE_SIZE, route } from './route.js';
import { DeliveryQuery } from './schema.js';

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
];
