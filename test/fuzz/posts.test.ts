import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPosts } from './posts.js';

test('broken posts of providers: each answer is one of the table, and says stored of what is stored and of nothing else', async () => {
  const { faults, answers } = await runPosts({ count: 120, seed: 20260601 });
  assert.deepEqual(faults, []);
  for (const name of ['relay 204', 'mailgun 200', 'mailgun 406', 'mandrill 200', 'postmark 200', 'sendgrid 200']) {
    assert.ok(answers.has(name), `no ${name} among ${[...answers.keys()].join(', ')}`);
  }
});
