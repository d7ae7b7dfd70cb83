/** Routes of deliveries: mails and webhooks on their way out, one at a time. The queue as a whole is the operator's. */
import { PAGE_SIZE, pageOf, route } from './route.js';
import { DeliveryQuery } from './schema.js';

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
        ...(account === undefined ? {} : { account }),
        ...(state === undefined ? {} : { state }),
        ...(conversation === undefined ? {} : { conversation: conversation }),
        ...(cursor === undefined ? {} : { before: cursor }),
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
    run: async call => call.store.delivery(call.params.id!),
  }),
  route({
    method: 'POST',
    path: '/v1/deliveries/{id}/retry',
    summary: 'Make it due now',
    gives: { one: 'Delivery' },
    status: 200,
    run: async call => (await call.once('retryDeliveries', { id: call.params.id! }))[0],
  }),
  route({
    method: 'POST',
    path: '/v1/deliveries/{id}/cancel',
    summary: 'Do not send it',
    gives: { one: 'Delivery' },
    status: 200,
    run: async call => call.once('cancelDelivery', call.params.id!),
  }),
];
