/** Routes of webhooks (`/v1/hooks`). A signing secret is in the answer that made it, and in no other. */
import type { Hook } from '../conversation/model.js';
import { accountFor } from './access.js';
import { byId, type Route, route } from './route.js';
import { AccountQuery, HookChange, NewHookBody } from './schema.js';

/** Posts a test event to a hook now and says what came of it. */
export type TestHook = (id: string) => Promise<{ ok: boolean; response: string }>;

export function webhookRoutes(testHook: TestHook): readonly Route[] {
  return [
    route('POST /v1/hooks', {
      summary: 'Add a hook; the answer has its signing secret, once',
      body: NewHookBody,
      gives: { one: 'Hook' },
      makes: true,
      async run({ caller, body, store }) {
        const { account, ...hook } = body;
        return withSecret(await store.addHook({ ...hook, account: accountFor(caller, account) }));
      },
    }),
    route('GET /v1/hooks', {
      summary: 'List hooks',
      query: AccountQuery,
      gives: { list: 'Hook' },
      run: async ({ store, query }) => ({ data: await store.hooks(query), next_cursor: null }),
    }),
    byId('GET /v1/hooks/{id}', 'hook', { gives: 'Hook', summary: 'Show a hook' }),
    route('PATCH /v1/hooks/{id}', {
      summary: 'Change of which types of events it hears from now on',
      body: HookChange,
      gives: { one: 'Hook' },
      run: ({ store, params, body }) => store.setHook(params.id!, body),
    }),
    route('POST /v1/hooks/{id}/rotate', {
      summary: 'A new signing secret; the old one signs alongside it for a day',
      gives: { one: 'Hook' },
      run: async call => withSecret(await call.store.rotateHook(call.params.id!)),
    }),
    route('POST /v1/hooks/{id}/test', {
      summary: 'Post a test event now; when it is taken, a hook that is off is on again',
      gives: { one: 'HookTest' },
      async run(call) {
        const { id } = await call.store.hook(call.params.id!);
        return call.onceOutside(async () => ({ ...(await testHook(id)), hook: await call.store.hook(id) }));
      },
    }),
    route('DELETE /v1/hooks/{id}', {
      summary: 'Remove a hook with what waits for it',
      gives: null,
      run: ({ store, params }) => store.removeHook(params.id!),
    }),
  ];
}

function withSecret(made: { hook: Hook; secret: string }): Hook & { secret: string } {
  return { ...made.hook, secret: made.secret };
}
