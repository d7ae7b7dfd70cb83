/** Routes of webhooks (`/v1/hooks`). A signing secret is in the answer that made it, and in no other. */
import type { Hook } from '../conversation/model.js';
import { accountFor } from './access.js';
import { type Route, route } from './route.js';
import { AccountQuery, NewHookBody } from './schema.js';

/** Posts a test event to a hook now and says what came of it. */
export type TestHook = (id: string) => Promise<{ ok: boolean; response: string }>;

export function webhookRoutes(testHook: TestHook): readonly Route[] {
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
        data: await call.store.hooks(call.query),
        next_cursor: null,
      }),
    }),
    route({
      method: 'GET',
      path: '/v1/hooks/{id}',
      summary: 'Show a hook',
      gives: { one: 'Hook' },
      status: 200,
      run: async call => call.store.hook(call.params.id!),
    }),
    route({
      method: 'POST',
      path: '/v1/hooks/{id}/rotate',
      summary: 'A new signing secret; the old one signs alongside it for a day',
      gives: { one: 'Hook' },
      status: 200,
      run: async call => withSecret(await call.once('rotateHook', call.params.id!)),
    }),
    route({
      method: 'POST',
      path: '/v1/hooks/{id}/test',
      summary: 'Post a test event now; when it is taken, a hook that is off is on again',
      gives: { one: 'HookTest' },
      status: 200,
      async run(call) {
        const { id } = await call.store.hook(call.params.id!);
        return call.onceOutside(async () => {
          const result = await testHook(id);
          return { ...result, hook: await call.store.hook(id) };
        });
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/hooks/{id}',
      summary: 'Remove a hook with what waits for it',
      gives: null,
      status: 204,
      async run(call) {
        await call.store.removeHook(call.params.id!);
        return null;
      },
    }),
  ];
}

function withSecret(made: { hook: Hook; secret: string }): Hook & { secret: string } {
  return { ...made.hook, secret: made.secret };
}
